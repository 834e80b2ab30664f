"""Decoding again what came out badly: the temperature fallback of Whisper, for a batch.

A short window that made the model doubtful is tried with the full one, then tokens are drawn
at rising temperatures (Radford et al. 2022, section 4.5, has 0 to 1 in steps of 0.2; two of
them keep a bad minute from costing six times its audio).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import LoadedModel, Window
from voice_agent.engines.whisper.window import FULL_FRAMES

_TEMPERATURES = (0.4, 0.8)


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
    model: LoadedModel, windows: Sequence[Window], *, beam_size: int, patient: bool
) -> list[Hypothesis]:
    """Decodes a batch; rows that came out badly again, on their own.

    Args:
        model: Loaded; see `LoadedModel.decode` for what it raises.
        windows: Equally long in `frames` and in `prompt`.
        beam_size: 1 is greedy.
        patient: Whether there is time to try again.

    Returns:
        For each window the first result that is not doubtful, else the likeliest.
    """
    first, *others = rungs(windows[0].frames)
    best = model.decode(windows, beam_size=beam_size, temperature=first.temperature)
    for rung in others if patient else ():
        again = [i for i, hypothesis in enumerate(best) if _needs_another(hypothesis)]
        if not again:
            break
        tries = model.decode(
            [replace(windows[i], frames=rung.frames) for i in again],
            beam_size=beam_size,
            temperature=rung.temperature,
        )
        for i, hypothesis in zip(again, tries, strict=True):
            best[i] = min(best[i], hypothesis, key=_badness)
    return best


def _needs_another(hypothesis: Hypothesis) -> bool:
    # silence is no mistake: drawing tokens would only invent some
    return hypothesis.doubtful and not hypothesis.silent


def _badness(hypothesis: Hypothesis) -> tuple[bool, bool, float]:
    return hypothesis.looping, hypothesis.doubtful, -hypothesis.mean_log_probability
