"""Whether an endpoint is worth asking; known to all sessions of a process."""

import time
from collections.abc import Callable

from voice_agent.engines.circuit_breaker import CircuitBreaker

# After the circuit has opened, one question is let through, later and later.
_PROBE_AFTER_S = 1.0
_PROBE_AT_MOST_EVERY_S = 30.0


class Health:
    """Failures in a row open the circuit: only now and then a question finds out more.

    Args:
        name: Of the endpoint, for messages.
        clock: Seconds, monotonic.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._breaker = CircuitBreaker(name, clock=clock)
        self._clock = clock
        self._rests_until_s = 0.0
        self._probe_s = 0.0
        self._probe_every_s = _PROBE_AFTER_S

    @property
    def open(self) -> bool:
        """Whether it failed several times in a row, and has not answered since."""
        return self._breaker.open

    @property
    def admits(self) -> bool:
        """Whether it should be asked while there are others."""
        now_s = self._clock()
        return now_s >= self._rests_until_s and (not self.open or now_s >= self._probe_s)

    @property
    def rests_s(self) -> float:
        """How long it asked to be left alone."""
        return max(self._rests_until_s - self._clock(), 0.0)

    def asked(self) -> None:
        """A question goes to it: while the circuit is open, no other does for a while."""
        if self.open:
            self._probe_s = self._clock() + self._probe_every_s
            self._probe_every_s = min(2 * self._probe_every_s, _PROBE_AT_MOST_EVERY_S)

    def answered(self) -> None:
        """It works."""
        self._breaker.succeeded()
        self._rests_until_s = 0.0
        self._probe_every_s = _PROBE_AFTER_S

    def failed(self) -> None:
        """It refused, was late, or broke off; not for questions that were interrupted."""
        was_open = self.open
        self._breaker.failed()
        if self.open and not was_open:
            self._probe_s = self._clock() + self._probe_every_s

    def rest(self, seconds: float) -> None:
        """It is too busy, and said for how long."""
        self._rests_until_s = self._clock() + seconds
