"""Posts records to an address, and tries again."""

import asyncio
import random
import time
from types import TracebackType

import httpx2
from loguru import logger

from voice_agent.records.signature import key_of, signed
from voice_agent.settings import RecordsSettings

_PASSING_STATUS = frozenset({408, 425, 429})
# more at a time would be a burst for whoever is called at the end of a busy hour
_MAX_AT_ONCE = 8
_LONGEST_PAUSE_S = 60.0
# while the service waits to end
_HURRIED_PAUSE_S = 1.0


class Webhook:
    """A client of one address; one object a process. Use as a context manager.

    Nothing here raises for what the other side answers, or does not.

    Args:
        settings: With `webhook_url`.

    Raises:
        ValueError: The secret cannot be one.
    """

    def __init__(self, settings: RecordsSettings) -> None:
        self._url = settings.webhook_url
        self._key = key_of(settings.webhook_secret.get_secret_value())
        self._timeout_s = settings.webhook_timeout_s
        self._tries = settings.webhook_tries
        self._hurry = asyncio.Event()
        self._room = asyncio.Semaphore(_MAX_AT_ONCE)
        self._client = httpx2.AsyncClient(timeout=settings.webhook_timeout_s, trust_env=False)

    async def __aenter__(self) -> "Webhook":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    def hurry(self) -> None:
        """Makes pauses between tries short from now on: the service goes down."""
        self._hurry.set()

    async def post(self, message_id: str, body: bytes) -> bool:
        """Posts JSON; returns whether it was taken, after the last try if need be."""
        for number in range(self._tries):
            if number:
                await self._pause(2.0 ** (number - 1))
            async with self._room:
                done = await self._try(message_id, body)
            if done is not None:
                return done
        return False

    async def _pause(self, seconds: float) -> None:
        # not all at the same moment, when the other side is back
        seconds = min(seconds, _LONGEST_PAUSE_S) * random.uniform(0.75, 1.25)
        if not self._hurry.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._hurry.wait()
            except TimeoutError:
                return
        await asyncio.sleep(min(seconds, _HURRIED_PAUSE_S))

    async def _try(self, message_id: str, body: bytes) -> bool | None:
        """Whether it was taken; None if another try may help."""
        headers = signed(self._key, message_id, int(time.time()), body)
        headers["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                # what it answers is not read: it could be of any length
                self._client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
        except (httpx2.HTTPError, TimeoutError) as error:
            logger.info("a record cannot be posted yet: {}", type(error).__name__)
            return None
        if status < 300:
            return True
        logger.info("a record is not taken: HTTP {}", status)
        return None if status >= 500 or status in _PASSING_STATUS else False
