"""Whether a service in another process is there, and what it says of itself."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx2
from loguru import logger
from pydantic import BaseModel, Field, ValidationError

from voice_agent.engines.base import VoiceInfo

_TIMEOUT_S = 2.0
_EVERY_S = 2.0
_SOON_S = 0.3  # while it is not there
# A service that is started again is back by then: a call that comes meanwhile waits for it.
_BACK_WITHIN_S = 5.0
_NO_SLOT = "no free slot"


class _Reported(BaseModel):
    ready: bool
    reasons: list[str] = Field(default_factory=list[str])
    needs_help: bool = False


class _Engine(BaseModel):
    name: str
    model: str = ""
    device: str = ""
    precision: str = ""
    languages: tuple[str, ...] = ()
    capacity: int = 1


class _Info(BaseModel):
    service: str
    engines: dict[str, _Engine]


class _Voice(BaseModel):
    voice_id: str
    name: str = ""
    language: str = ""
    cloned: bool = False


class _Voices(BaseModel):
    voices: list[_Voice]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """A service as it was when it answered.

    Attributes:
        url: Its WebSocket address.
        name: Of its engine.
        model: Of its engine.
        precision: Of its engine.
        languages: Codes it understands or speaks.
        capacity: Jobs that may run at once.
        voices: All that it speaks in, if it speaks.
    """

    url: str
    name: str
    model: str
    precision: str = ""
    languages: tuple[str, ...] = ()
    capacity: int = 1
    voices: tuple[VoiceInfo, ...] = ()


class HealthMonitor:
    """Asks a service how it is, as long as `run` runs.

    Args:
        service: `asr` or `tts`.
        role: Which of its engines counts: `hears` or `speaks`.
        urls: WebSocket addresses; ``/readyz`` and ``/v1/info`` have to be beside them.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        service: str,
        role: str,
        urls: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._role = role
        self._urls = urls
        self._clock = clock
        self._answered_s: float | None = None  # when one was last ready
        self._busy = False  # all that answer have no room
        self.asked = asyncio.Event()
        """Set once all addresses were asked, or one could be used."""
        self.seen: ServiceStatus | None = None
        """The first that was ready when it was last asked; None before."""
        self.trouble = f"the {service} service has not answered yet"
        """Why none could be used when they were last asked; empty if one could."""
        self.needs_help = False
        """Whether none of them will be ready unless somebody does something."""

    @property
    def why_unready(self) -> str:
        """Why no session should begin; empty if one may."""
        if not self.trouble or self._answered_s is None or self._busy:
            return self.trouble
        return self.trouble if self._clock() - self._answered_s > _BACK_WITHIN_S else ""

    async def run(self) -> None:
        """Asks for ever."""
        # made once: reading the certificates takes 30 ms
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
            while True:
                try:
                    await self.ask(client)
                except Exception as error:  # a watch that ended would show what was, for ever
                    logger.exception("the {} service could not be asked", self._service)
                    self.trouble = f"the {self._service} service cannot be asked: {error!r}"
                self.asked.set()
                await asyncio.sleep(_SOON_S if self.trouble else _EVERY_S)

    async def ask(self, client: httpx2.AsyncClient) -> None:
        """Asks all addresses once, the first ones first."""
        troubles: list[str] = []
        busy = needs_help = True
        for url in self._urls:
            try:
                self._take(await self._look(client, url))
            except _Unusable as reason:
                troubles.append(str(reason))
                busy = busy and reason.busy
                needs_help = needs_help and reason.needs_help
            else:
                return
        trouble = "; ".join(troubles)
        if trouble != self.trouble:
            logger.warning("{}", trouble)
        self.trouble, self._busy = trouble, busy
        self.needs_help = needs_help

    def _take(self, seen: ServiceStatus) -> None:
        if self.trouble or self.seen is None:
            logger.info("{} {}: {} ({})", self._service, seen.url, seen.name, seen.model)
        self.seen, self.trouble = seen, ""
        self._busy = self.needs_help = False
        self._answered_s = self._clock()

    async def _look(self, client: httpx2.AsyncClient, url: str) -> ServiceStatus:
        base = _http(url)
        try:
            reported = _Reported.model_validate_json(await _get(client, f"{base}/readyz"))
            info = _Info.model_validate_json(await _get(client, f"{base}/v1/info"))
        except httpx2.HTTPError as error:
            raise _Unusable(f"no {self._service} service answers at {url}") from error
        except ValidationError as error:
            raise _Unusable(f"{url} is no service of ours") from error
        engine = info.engines.get(self._role)
        if info.service != self._service or engine is None:
            raise _Unusable(f"{url} is a service of kind {info.service}, not {self._service}")
        if not reported.ready:
            reason = ", ".join(reported.reasons) or "not ready"
            busy = _NO_SLOT in reported.reasons
            raise _Unusable(
                f"the {self._service} service at {url}: {reason}",
                busy=busy,
                needs_help=reported.needs_help,
            )
        return ServiceStatus(
            url=url,
            name=engine.name,
            model=engine.model,
            precision=engine.precision,
            languages=engine.languages,
            capacity=engine.capacity,
            voices=await self._voices(client, base) if self._role == "speaks" else (),
        )

    async def _voices(self, client: httpx2.AsyncClient, base: str) -> tuple[VoiceInfo, ...]:
        try:
            listed = _Voices.model_validate_json(await _get(client, f"{base}/v1/voices"))
        except (httpx2.HTTPError, ValidationError):
            return self.seen.voices if self.seen else ()
        return tuple(VoiceInfo(**voice.model_dump()) for voice in listed.voices)


class _Unusable(Exception):
    """Why an address cannot be used now."""

    def __init__(self, reason: str, *, busy: bool = False, needs_help: bool = False) -> None:
        super().__init__(reason)
        self.busy = busy
        self.needs_help = needs_help


def _http(url: str) -> str:
    """Where the service of a WebSocket address answers HTTP."""
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/").removesuffix("/ws"), "", ""))


async def _get(client: httpx2.AsyncClient, url: str) -> bytes:
    return (await client.get(url)).content
