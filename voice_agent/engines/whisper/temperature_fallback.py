"""Decoding again what came out badly: the temperature fallback of Whisper, for a batch.

A final that loops or says a phrase twice is always tried once more in the full window, also when
there is no time: what short windows save is worth nothing if they may loop. What the full window
says twice as well was said twice. If it loops and there is time, tokens are then drawn at rising
temperatures (Radford et al. 2022, section 4.5, has 0 to 1 in steps of 0.2; two of them keep a
bad minute from costing six times its audio).

A text of unlikely tokens is left as it is: of 70 such ones the full window had as many words
wrong, and in a language that the model hardly knows every try costs seconds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from voice_agent import metrics
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import Window
from voice_agent.engines.whisper.tokens import most_tokens
from voice_agent.engines.whisper.window import FULL_FRAMES

_TEMPERATURES = (0.4, 0.8)
_CHEAP_TOKENS = 120  # 10 s of English, 0.4 s of one core with `base`

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
class DecodeAttempt:
    """One way to decode again, in the full window."""

    temperature: float = 0.0


def rungs(*, patient: bool) -> list[DecodeAttempt]:
    """What is tried in order after the first attempt."""
    drawn = [DecodeAttempt(temperature=t) for t in _TEMPERATURES]
    return [DecodeAttempt(), *drawn] if patient else [DecodeAttempt()]


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
        patient: Whether there is time to try more than once again.
        partials: Rows that are not tried again in any case: the next partial is near.

    Returns:
        For each window the first result that is not doubtful, else the likeliest.
    """
    best = model.decode(windows, beam_size=beam_size)
    shown_full = windows[0].frames >= FULL_FRAMES
    for rung in rungs(patient=patient):
        same = shown_full and not rung.temperature  # as the attempt before it
        again = [
            i
            for i, hypothesis in enumerate(best)
            if i not in partials
            and _needs(hypothesis, rung)
            and (hypothesis.cut or not same)
            and not (rung.temperature and _expensive(windows[i], hypothesis))
        ]
        if not again:
            continue
        metrics.engine_trouble_total.labels("whisper", "again").inc(len(again))
        tries = model.decode(
            [replace(windows[i], frames=FULL_FRAMES, roomy=best[i].cut) for i in again],
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


def _needs(hypothesis: Hypothesis, rung: DecodeAttempt) -> bool:
    """Whether this may make it better."""
    if hypothesis.silent:  # is no mistake: drawing tokens would only invent some
        return False
    if rung.temperature:  # other tokens are not fewer
        return hypothesis.looping or hypothesis.suspect
    return hypothesis.doubtful


def _expensive(window: Window, hypothesis: Hypothesis) -> bool:
    """Whether a loop might again cost seconds: a language with many tokens, or long audio.

    What the model does not know it does not find by drawing either.
    """
    most = most_tokens(len(window.samples), hypothesis.language, window.prompt)
    return hypothesis.looping and most > _CHEAP_TOKENS


def _badness(hypothesis: Hypothesis) -> tuple[bool, bool, bool, float]:
    return (
        hypothesis.looping,
        hypothesis.suspect,
        hypothesis.cut,
        -hypothesis.mean_log_probability,
    )
