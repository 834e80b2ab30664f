"""One clause on its way through the model, a step at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voice_agent.engines.base import Samples
from voice_agent.engines.piper.model import Floats, Manner, Plan, VitsModel
from voice_agent.engines.piper.spans import Span, spans

_WINDOWS = (16, 32, 64, 128)
"""Frames of 11.6 ms that each step makes; the last number goes on. Short ones are heard soon,
long ones cost less (11 frames of context on each side). 128 are 60 ms of a core."""

_FLOW_WINDOWS = (64, 256)
"""The same for the flow, which is needed ahead of the audio."""

_LEAST_WINDOW = 16  # frames; a shorter end goes with the window before it
_LOUDEST = np.float32(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A clause for the model.

    Attributes:
        text: What is said.
        words: Where its words are.
        ids: Its phonemes.
        owners: The word of each id.
        manner: How it is spoken.
        seed: Of its noise.
        gain: The voice's.
        pause_s: Silence after it.
    """

    text: str
    words: Sequence[tuple[int, int]]
    ids: Sequence[int]
    owners: Sequence[int]
    manner: Manner
    seed: int
    gain: float = 1.0
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A word or a pause, or part of one."""

    samples: Samples
    text_start: int
    text_end: int


class Rendering:
    """A clause being spoken; used by one thread at a time.

    Args:
        model: The voice's.
        work: What to say.
        rate_hz: Of the audio.

    Attributes:
        over: All has been made.
    """

    def __init__(self, model: VitsModel, work: Work, rate_hz: int) -> None:
        self.over = False
        self._model = model
        self._work = work
        self._n_pause = round(work.pause_s * rate_hz)
        self._plan: Plan | None = None
        self._spans: list[Span] = []
        self._latent: Floats | None = None
        self._n_steps = self._n_flows = 0
        self._done = 0  # frames

    def step(self) -> list[Piece]:
        """The next window of audio, cut into words and pauses; the first step plans too."""
        work = self._work
        if self._plan is None:
            self._plan = self._model.plan(work.ids, work.manner, work.seed)
            self._spans = spans(work.text, work.words, work.owners, self._plan.frames)
        plan = self._plan
        first, last = self._done, self._window_end(plan.n_frames)
        latent = self._flow(plan, min(plan.n_frames, last + self._model.head_context))
        audio = self._model.audio(plan, latent, first, last) * np.float32(work.gain)
        np.clip(audio, -_LOUDEST, _LOUDEST, out=audio)
        pieces = self._pieces(audio, first, last)
        self._done = last
        if last == plan.n_frames:
            self.over = True
            self._plan = self._latent = None
            pieces += self._pause()
        return pieces

    def _window_end(self, n_frames: int) -> int:
        wanted = self._done + _WINDOWS[min(self._n_steps, len(_WINDOWS) - 1)]
        self._n_steps += 1
        return n_frames if n_frames - wanted < _LEAST_WINDOW else wanted

    def _flow(self, plan: Plan, needed: int) -> Floats:
        """The latent up to `needed`, and not so much that a window would see past it."""
        while self._latent is None or self._latent.shape[3] < needed:
            at = 0 if self._latent is None else self._latent.shape[3]
            step = _FLOW_WINDOWS[min(self._n_flows, len(_FLOW_WINDOWS) - 1)]
            self._n_flows += 1
            end = max(needed, at + step)
            end = plan.n_frames if plan.n_frames - end < _FLOW_WINDOWS[0] else end
            more = self._model.latent(plan, at, end)
            parts = [more] if self._latent is None else [self._latent, more]
            self._latent = np.concatenate(parts, axis=3)
        known = self._latent
        # the end of what is known is not the end of the clause: no padding there
        return known if known.shape[3] == plan.n_frames else known[:, :, :, :needed]

    def _pieces(self, audio: Samples, first: int, last: int) -> list[Piece]:
        found, hop, at = list[Piece](), self._model.hop_samples, first
        while at < last:
            span = self._spans[0]
            end = min(span.end_frame, last)
            samples = audio[(at - first) * hop : (end - first) * hop]
            found.append(Piece(samples=samples, text_start=span.text_start, text_end=span.text_end))
            if end == span.end_frame:
                del self._spans[0]
            at = end
        return found

    def _pause(self) -> list[Piece]:
        if not self._n_pause:
            return []
        end = len(self._work.text.rstrip())
        return [Piece(samples=np.zeros(self._n_pause, np.float32), text_start=end, text_end=end)]
