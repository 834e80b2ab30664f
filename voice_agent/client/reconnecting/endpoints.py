"""Where a service may be, and which of its addresses are worth trying."""

import time
from collections.abc import Callable, Sequence

from voice_agent.client.connection import service_url
from voice_agent.engines.circuit_breaker import CircuitBreaker
from voice_agent.errors import SettingsError


class Endpoints:
    """The addresses of one kind of service, with a circuit breaker each.

    Give the same object to all clients of a process: what one of them finds out about an
    address then spares the others the wait.

    Args:
        urls: As `service_url` takes them, the preferred one first.
        max_failures: Failures in a row after which an address is tried last.
        probe_every_s: How often it is tried in its place all the same.
        clock: Seconds, monotonic.

    Raises:
        SettingsError: There are none, or one cannot be an address.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        max_failures: int = 3,
        probe_every_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not urls:
            raise SettingsError("a client needs the address of a service")
        self._clock = clock
        self._breakers = {
            service_url(url): CircuitBreaker(
                url, max_failures=max_failures, probe_every_s=probe_every_s, clock=clock
            )
            for url in urls
        }
        self._failed_at_s: dict[str, float] = {}

    @property
    def urls(self) -> tuple[str, ...]:
        """All of them, as they were given."""
        return tuple(self._breakers)

    def order(self, first: str | None = None) -> list[str]:
        """All addresses, in the order in which to try them.

        Those that kept failing come last, and are not left out: when nothing else answers,
        there is nothing to lose.

        Args:
            first: This one before all others, because a session may be gone on with there.
        """
        urls = sorted(self._breakers, key=self._rests)
        if first in urls:
            urls.remove(first)
            urls.insert(0, first)
        return urls

    def succeeded(self, url: str) -> None:
        """A connection was made."""
        self._breakers[url].succeeded()

    def failed(self, url: str) -> None:
        """None could be made; not for a service without a free slot."""
        self._breakers[url].failed()
        self._failed_at_s[url] = self._clock()

    def _rests(self, url: str) -> bool:
        breaker = self._breakers[url]
        since_s = self._clock() - self._failed_at_s.get(url, 0.0)
        return breaker.open and since_s < breaker.probe_every_s
