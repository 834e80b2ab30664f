"""Decoding again what came out badly: the temperature fallback of Whisper, for a batch.

A short window that made the model doubtful is tried with the full one, then tokens are drawn
at rising temperatures (Radford et al. 2022, section 4.5, has 0 to 1 in steps of 0.2; two of
them keep a bad minute from costing six times its audio).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from voice_agent import metrics
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import Window
from voice_agent.engines.whisper.window import FULL_FRAMES

_TEMPERATURES = (0.4, 0.8)

Outcome = list[Hypothesis] | BaseException
"""Of an attempt; see `attempt`."""


class Decoder(Protocol):
    """What is asked of a loaded model; `LoadedModel` is the real one."""

    @property
    def name(self) -> str:
        """How sessions ask for it."""
        ...

    @property
    def size_bytes(self) -> int:
        """Of the weights; orders models."""
        ...

    @property
    def languages(self) -> Sequence[str]:
        """Codes of what it understands."""
        ...

    def decode(
        self, windows: Sequence[Window], *, beam_size: int = 1, temperature: float = 0.0
    ) -> list[Hypothesis]:
        """Decodes a batch, in one thread; raises whatever its library does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One way to decode."""

    frames: int
    temperature: float = 0.0


def rungs(frames: int) -> list[Rung]:
    """What is tried in order, for windows of this length."""
    first = [Rung(frames=frames)]
    padded = [Rung(frames=FULL_FRAMES)] if frames < FULL_FRAMES else []
    drawn = [Rung(frames=FULL_FRAMES, temperature=t) for t in _TEMPERATURES]
    return first + padded + drawn


def decode(
    model: Decoder,
    windows: Sequence[Window],
    *,
    beam_size: int,
    patient: bool,
    partials: Collection[int] = (),
) -> list[Hypothesis]:
    """Decodes a batch; rows that came out badly again, without the others.

    Args:
        model: Loaded; whatever its `decode` raises is passed on.
        windows: Equally long in `frames` and in `prompt`.
        beam_size: 1 is greedy.
        patient: Whether there is time to try again.
        partials: Rows that are not tried again in any case: the next partial is near.

    Returns:
        For each window the first result that is not doubtful, else the likeliest.
    """
    first, *others = rungs(windows[0].frames)
    best = model.decode(windows, beam_size=beam_size, temperature=first.temperature)
    for rung in others if patient else ():
        bad = (i for i, hypothesis in enumerate(best) if _needs_another(hypothesis))
        again = [i for i in bad if i not in partials]
        if not again:
            break
        metrics.engine_trouble_total.labels("whisper", "again").inc(len(again))
        tries = model.decode(
            [replace(windows[i], frames=rung.frames) for i in again],
            beam_size=beam_size,
            temperature=rung.temperature,
        )
        for i, hypothesis in zip(again, tries, strict=True):
            best[i] = min(best[i], hypothesis, key=_badness)
    return best


def attempt(
    model: Decoder,
    windows: Sequence[Window],
    *,
    beam_size: int,
    patient: bool,
    partials: Collection[int] = (),
) -> Outcome:
    """`decode`, but returns what was raised: not every exception passes through a future."""
    try:
        return decode(model, windows, beam_size=beam_size, patient=patient, partials=partials)
    except BaseException as error:  # a panic of the tokenizer, in Rust, is no Exception
        return error


def _needs_another(hypothesis: Hypothesis) -> bool:
    # silence is no mistake: drawing tokens would only invent some
    return hypothesis.doubtful and not hypothesis.silent


def _badness(hypothesis: Hypothesis) -> tuple[bool, bool, float]:
    return hypothesis.looping, hypothesis.doubtful, -hypothesis.mean_log_probability
