"""What gives way when more is asked than the model can do.

Lateness is the time that the oldest job of a batch waited. By its running mean:

1. partials come half as often and no longer fill up batches of finals
2. partials come a quarter as often
3. no partials
4. no new sessions

No step makes what is heard less accurate: shorter windows loop, and the next smaller model
makes half as many mistakes again. Finals are never dropped. A step is taken back after five
quiet seconds.

The thresholds halved the final latency at the same load on real compute against none.
"""

import time
from collections.abc import Callable

_THRESHOLDS_S = (0.25, 0.5, 1.0, 2.0)
_WEIGHT = 0.3  # of the newest batch in the running mean
_CALM_S = 5.0
_GATHER_S = (0.0, 0.0, 0.01, 0.02, 0.02)


class LoadShedder:
    """The ladder of one engine.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._late_s = 0.0
        self._level = 0
        self._changed_s = clock()

    @property
    def level(self) -> int:
        """0 (nothing gives way) to 4 (no new sessions)."""
        self._calm_down()
        return self._level

    @property
    def partial_stretch(self) -> int:
        """By how much the time between two partials grows; 0 for no partials."""
        return (1, 2, 4, 0, 0)[self.level]

    @property
    def gather_s(self) -> float:
        """How long to wait for more jobs before a batch begins."""
        return _GATHER_S[self.level]

    def note(self, late_s: float) -> None:
        """Takes how long the oldest job of a batch had waited."""
        self._calm_down()  # nobody may have looked for a long time
        self._late_s += _WEIGHT * (late_s - self._late_s)
        if self._level < len(_THRESHOLDS_S) and self._late_s > _THRESHOLDS_S[self._level]:
            self._level += 1
            self._changed_s = self._clock()
        elif self._level and self._late_s > _THRESHOLDS_S[self._level - 1] / 2:
            self._changed_s = self._clock()  # not quiet yet

    def _calm_down(self) -> None:
        while self._level and self._clock() - self._changed_s >= _CALM_S:
            self._level -= 1
            self._changed_s += _CALM_S
            self._late_s = min(self._late_s, _THRESHOLDS_S[self._level] / 2)
