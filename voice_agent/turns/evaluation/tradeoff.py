"""False cut-offs against latency, counted as LiveKit's eot-bench does.

A policy fires some time after speech has stopped. If it fires in a pause after which the caller
goes on, that is a false cut-off; the rate is of all such pauses of 0.2 to 5 s. After the true end
of a turn, the time until it fires is the latency; the mean of all turns counts. What the models
need to compute is not in it, as in eot-bench: see `ready_s`.

Two families of policies are swept for every detector, and the better one counts: eot-bench's own
(fire after `delay` if the score is above `threshold`, else after `timeout`) and ours (a wait that
falls with the score, `end_of_turn.wait_ms`, moved to and fro, and the same timeouts).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voice_agent.turns.end_of_turn import wait_ms
from voice_agent.turns.evaluation.judged_pauses import JUDGED_AT_S, JudgedPause

_LONGEST_PAUSE_S = 5.0
_DELAYS_S = np.arange(0.2, 1.01, 0.1)
_TIMEOUTS_S = np.arange(1.0, 3.51, 0.5)
_THRESHOLDS = np.arange(0.0, 1.01, 0.01)
_SHIFTS = np.arange(-8.0, 8.01, 0.1)  # of log odds
# silence alone: every 50 ms
_SILENCES_S = np.arange(JUDGED_AT_S, 3.51, 0.05)
_EPS_S = 1e-9
_SURE = 0.9999

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one policy does.

    Attributes:
        cut_off: Share of the pauses within turns in which it fires.
        latency_s: Mean time from the end of a turn until it fires.
    """

    cut_off: float
    latency_s: float


class Pauses:
    """Judged pauses that count, as arrays."""

    def __init__(self, judged: Sequence[JudgedPause]) -> None:
        self.judged = [p for p in judged if p.final or p.seconds <= _LONGEST_PAUSE_S]
        final = np.array([pause.final for pause in self.judged], np.bool_)
        self.final = final
        self.inner_s: Floats = np.array([p.seconds for p in self.judged], np.float64)[~final]

    @property
    def n_turns(self) -> int:
        """True ends."""
        return int(self.final.sum())

    @property
    def n_inner(self) -> int:
        """Pauses within turns."""
        return len(self.inner_s)

    def point(self, fires_s: Floats) -> Point:
        """What a policy does that fires so long after speech has stopped, pause by pause."""
        cut = self.inner_s > fires_s[~self.final] + _EPS_S
        return Point(
            cut_off=float(cut.mean()) if len(cut) else 0.0,
            latency_s=float(fires_s[self.final].mean()),
        )


def sweep(
    pauses: Pauses, score: Callable[[JudgedPause], float], *, ready_s: float = JUDGED_AT_S
) -> list[Point]:
    """All policies on a detector's scores.

    Args:
        pauses: What to decide about.
        score: Probability that a turn is complete.
        ready_s: Nothing is decided earlier in a pause.
    """
    p = np.clip([score(pause) for pause in pauses.judged], 1 - _SURE, _SURE)
    return [*_thresholds(pauses, p, ready_s), *_waits(pauses, p, ready_s)]


def _thresholds(pauses: Pauses, p: Floats, ready_s: float) -> Iterator[Point]:
    for threshold in _THRESHOLDS:
        for delay_s in _DELAYS_S:
            early = np.where(p >= threshold, max(delay_s, ready_s), math.inf)
            for timeout_s in _TIMEOUTS_S:
                yield pauses.point(np.minimum(early, timeout_s))


def _waits(pauses: Pauses, p: Floats, ready_s: float) -> Iterator[Point]:
    log_odds = np.log(p / (1 - p))
    for shift in _SHIFTS:
        waits = np.array([wait_ms(odds + shift) / 1000 for odds in log_odds])
        waits = np.maximum(waits, ready_s)
        for timeout_s in _TIMEOUTS_S:
            yield pauses.point(np.minimum(waits, timeout_s))


def silence_alone(pauses: Pauses) -> list[Point]:
    """A detector that only waits."""
    n = len(pauses.judged)
    return [pauses.point(np.full(n, seconds)) for seconds in _SILENCES_S]


def frontier(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats in both, by rising latency."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.latency_s, p.cut_off)):
        if not kept or point.cut_off < kept[-1].cut_off:
            kept.append(point)
    return kept


def latency_at(points: Sequence[Point], cut_off: float) -> float | None:
    """The least latency with at most so many false cut-offs."""
    fitting = [point.latency_s for point in points if point.cut_off <= cut_off + _EPS_S]
    return min(fitting, default=None)


def cut_off_at(points: Sequence[Point], latency_s: float) -> float | None:
    """The fewest false cut-offs with at most this latency."""
    fitting = [point.cut_off for point in points if point.latency_s <= latency_s + _EPS_S]
    return min(fitting, default=None)
