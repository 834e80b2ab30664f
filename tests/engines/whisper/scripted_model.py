"""A model that says what its script says, in a real thread, and can be held up there."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, TimedWord
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import Window

_PATIENCE_S = 10


def heard(text: str, **fields: Any) -> Hypothesis:
    """A good hypothesis, word by word, one a second."""
    words = tuple(
        TimedWord(word=word, start_s=float(n), end_s=n + 0.5, confidence=0.9)
        for n, word in enumerate(text.split())
    )
    fields = {
        "audio_s": max(1.0, float(len(words))),
        "mean_log_probability": -0.1,
        "no_speech_probability": 0.0,
        "ended": True,
        "language": "en",
    } | fields
    return Hypothesis(text=text.strip(), words=words, **fields)


def window(label: int, *, frames: int = 500, seconds: float = 1.0, **fields: Any) -> Window:
    """A window whose label the scripted model reads."""
    samples = np.full(round(seconds * ASR_SAMPLE_RATE_HZ), label, np.float32)
    return Window(samples=samples, frames=frames, **fields)


def labels(windows: Sequence[Window]) -> list[int]:
    """What the windows were labelled with."""
    return [int(window.samples[0]) for window in windows]


@dataclass(frozen=True, kw_only=True)
class Call:
    """What the model was asked once."""

    windows: Sequence[Window]
    beam_size: int
    temperature: float

    @property
    def labels(self) -> list[int]:
        return labels(self.windows)


def says_labels(call: Call) -> list[Hypothesis]:
    return [heard(str(label)) for label in call.labels]


@dataclass
class ScriptedModel:
    """Answers by its script, which may raise; remembers what it was asked."""

    name: str = "script"
    size_bytes: int = 100
    languages: tuple[str, ...] = ("en",)
    script: Callable[[Call], list[Hypothesis]] = says_labels
    calls: list[Call] = field(default_factory=list)
    _begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def decode(
        self, windows: Sequence[Window], *, beam_size: int = 1, temperature: float = 0.0
    ) -> list[Hypothesis]:
        call = Call(windows=windows, beam_size=beam_size, temperature=temperature)
        self.calls.append(call)
        self._begun.release()
        assert self._open.wait(_PATIENCE_S), "held up for ever"
        return self.script(call)

    def hold(self) -> None:
        """Calls do not come back from now on."""
        self._open.clear()

    def let_go(self) -> None:
        """They come back."""
        self._open.set()

    async def begun(self) -> None:
        """Waits until one more call has begun."""
        assert await asyncio.to_thread(self._begun.acquire, timeout=_PATIENCE_S)

    @property
    def batches(self) -> list[list[int]]:
        return [call.labels for call in self.calls]


@dataclass
class ScriptedClock:
    """Seconds that pass when the test says so."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s
