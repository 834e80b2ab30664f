"""What waits in the queue of the models."""

from dataclasses import dataclass

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.engines.queue import Entry
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import Window
from voice_agent.engines.whisper.window import WindowRule


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodeJob:
    """A window, and what must be equal for two of them to share a batch."""

    window: Window
    model: str
    beam_size: int = 1
    is_final: bool = True

    @property
    def key(self) -> tuple[str, int, int, int]:
        """Works with equal keys can run together."""
        return self.model, self.window.frames, len(self.window.prompt), self.beam_size


WorkEntry = Entry[DecodeJob, Hypothesis]


def silence_of(seconds: float, rule: WindowRule) -> Window:
    """A window of silence."""
    n_samples = round(seconds * ASR_SAMPLE_RATE_HZ)
    return Window(samples=np.zeros(n_samples, np.float32), frames=rule.frames(n_samples))
