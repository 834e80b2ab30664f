"""What the engines of other processes have in common."""

import asyncio
import contextlib
from collections.abc import Sequence

from voice_agent.engines.base import EngineInfo
from voice_agent.remote.health_monitor import HealthMonitor

_FIRST_LOOK_S = 2.0


class RemoteEngine:
    """A service as an engine: it is ready when the service is.

    Args:
        service: `asr` or `tts`.
        role: `hears` or `speaks`.
        urls: Where it may be; the first that can be used is.
        sample_rate_hz: Of the audio that goes to it or comes from it.
    """

    def __init__(
        self, *, service: str, role: str, urls: Sequence[str], sample_rate_hz: int
    ) -> None:
        self.urls = tuple(urls)
        self._service = service
        self._role = role
        self._sample_rate_hz = sample_rate_hz
        self._watch = HealthMonitor(service=service, role=role, urls=urls)
        self._watching: asyncio.Task[None] | None = None

    @property
    def info(self) -> EngineInfo:
        """Where it is, and what the service says of its engine."""
        seen = self._watch.seen
        return EngineInfo(
            name="remote",
            role=self._role,
            model=f"{seen.name} {seen.model}".strip() if seen else "",
            device=seen.url if seen else ", ".join(self.urls),
            precision=seen.precision if seen else "",
            sample_rate_hz=self._sample_rate_hz,
            languages=seen.languages if seen else (),
            capacity=seen.capacity if seen else 1,
        )

    @property
    def ready(self) -> bool:
        """Whether a session may begin."""
        return not self.why_unready

    @property
    def why_unready(self) -> str:
        """Why none may; empty if one may."""
        return self._watch.why_unready

    @property
    def needs_help(self) -> bool:
        """Whether the service will not be ready unless somebody does something there."""
        return self._watch.needs_help

    async def load(self) -> None:
        """Looks for the service, from now on. It need not be there: it may start later."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch.run())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_LOOK_S):
                    await self._watch.asked.wait()

    async def warm_up(self) -> None:
        """Nothing: the service is warm before it is ready."""

    async def close(self) -> None:
        """Stops looking; may be called twice."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.wait([watching])

    def forget(self, session_id: str) -> None:
        """Nothing is kept for a session."""
