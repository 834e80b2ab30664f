"""When to stop sending work to an engine that keeps failing."""

import time
from collections.abc import Callable

from voice_agent.errors import EngineUnavailable


class CircuitBreaker:
    """Opens after failures in a row; the engine's own probe closes it again.

    Args:
        engine: Name for messages.
        max_failures: Failures in a row that open it.
        probe_every_s: How often the engine tries itself while it is open.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        engine: str,
        *,
        max_failures: int = 3,
        probe_every_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._max_failures = max_failures
        self.probe_every_s = probe_every_s
        self._clock = clock
        self._failures = 0
        self._last_failure_s = 0.0

    @property
    def open(self) -> bool:
        """Whether the engine is left alone."""
        return self._failures >= self._max_failures

    def check(self) -> None:
        """Call before each job.

        Raises:
            EngineUnavailable: The engine is left alone; says when it tries itself again.
        """
        if not self.open:
            return
        wait_s = self._last_failure_s + self.probe_every_s - self._clock()
        raise EngineUnavailable(
            f"{self._engine} failed {self._failures} times in a row and is left alone",
            retry_after_ms=round(max(wait_s, 0.2) * 1000),
        )

    def succeeded(self) -> None:
        """A job came through."""
        self._failures = 0

    def failed(self) -> None:
        """The engine failed a job; not for jobs that were cancelled or late."""
        self._failures += 1
        self._last_failure_s = self._clock()
