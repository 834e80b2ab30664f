"""The detectors side by side, in figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from voice_agent.turns.end_of_turn import Pause, decide, expected_answer
from voice_agent.turns.evaluation.judged_pauses import JudgedPause
from voice_agent.turns.evaluation.tradeoff import (
    Pauses,
    Point,
    cut_off_at,
    latency_at,
    silence_alone,
    sweep,
)

WORDS = "words and sound"
SMART_TURN = "Smart Turn alone"
SILENCE = "silence alone"
CUT_OFF_BUDGETS = (0.05, 0.10)
LATENCY_BUDGETS_S = (0.3, 0.6)


def seen(judged: JudgedPause) -> Pause:
    """A pause as a session sees it, once its text is there."""
    return Pause(
        smart_turn=judged.smart_turn,
        text=judged.text,
        language=judged.language,
        confidence=judged.confidence,
        expected=expected_answer(judged.asked),
    )


def detectors(pauses: Pauses) -> Mapping[str, Sequence[Point]]:
    """All policies of each detector."""
    return {
        WORDS: sweep(pauses, lambda judged: decide(seen(judged)).probability),
        SMART_TURN: sweep(pauses, lambda judged: judged.smart_turn),
        SILENCE: silence_alone(pauses),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one detector reaches.

    Attributes:
        latency_ms: With at most each of `CUT_OFF_BUDGETS`; None if it cannot.
        cut_off_percent: With at most each of `LATENCY_BUDGETS_S`.
    """

    latency_ms: tuple[float | None, ...]
    cut_off_percent: tuple[float | None, ...]


def figures(points: Sequence[Point]) -> Figures:
    """The figures that eot-bench compares detectors by."""
    latencies = [latency_at(points, budget) for budget in CUT_OFF_BUDGETS]
    rates = [cut_off_at(points, budget_s) for budget_s in LATENCY_BUDGETS_S]
    return Figures(
        latency_ms=tuple(None if s is None else round(1000 * s) for s in latencies),
        cut_off_percent=tuple(None if r is None else round(100 * r, 1) for r in rates),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AsSet:
    """What the waits do as they are in the product.

    Attributes:
        cut_off_percent: False cut-offs.
        mean_ms: Latency.
        median_ms: Latency.
        p95_ms: Latency.
    """

    cut_off_percent: float
    mean_ms: float
    median_ms: float
    p95_ms: float


def as_set(pauses: Pauses, *, silence_ms: float, ready_s: float) -> AsSet:
    """The policy of a session.

    Args:
        pauses: What to decide about.
        silence_ms: `asr.silence_ms`.
        ready_s: When the text is there.
    """
    waits_s = [decide(seen(judged)).wait_ms / 1000 for judged in pauses.judged]
    fires_s = np.minimum(np.maximum(waits_s, ready_s), silence_ms / 1000)
    point, ends = pauses.point(fires_s), fires_s[pauses.final]
    return AsSet(
        cut_off_percent=round(100 * point.cut_off, 1),
        mean_ms=round(1000 * point.latency_s),
        median_ms=round(1000 * float(np.median(ends))),
        p95_ms=round(1000 * float(np.percentile(ends, 95))),
    )
