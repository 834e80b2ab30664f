"""Records on their way: into a folder, to a webhook, or both; never in a conversation's way."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from loguru import logger

from voice_agent import metrics
from voice_agent.records.folder import name_of, write
from voice_agent.records.record import Record
from voice_agent.records.webhook import Webhook
from voice_agent.settings import RecordsSettings

# conversations that are over and not delivered; a webhook that is down for long loses more
_MAX_WAITING = 1_000


class Outbox:
    """Delivers records beside everything else; one object a process, a context manager.

    At its end it waits for what is under way, as long as the settings say.

    Args:
        settings: Where to.
    """

    def __init__(self, settings: RecordsSettings) -> None:
        self._settings = settings
        self._webhook: Webhook | None = None
        self._delivering: set[asyncio.Task[None]] = set()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> "Outbox":
        """Begins. The settings have been checked."""
        if self._settings.webhook_url:
            self._webhook = await self._open.enter_async_context(Webhook(self._settings))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._webhook is not None:
            self._webhook.hurry()
        if self._delivering:
            await asyncio.wait(self._delivering, timeout=self._settings.drain_timeout_s)
        for late in list(self._delivering):
            metrics.records_total.labels("webhook", "lost").inc()
            logger.error("a record was not delivered in time")
            late.cancel()
        await asyncio.gather(*self._delivering, return_exceptions=True)
        await self._open.aclose()

    def put(self, record: Record) -> None:
        """Takes a record and returns at once."""
        if len(self._delivering) >= _MAX_WAITING:
            metrics.records_total.labels("webhook", "lost").inc()
            logger.error("too many records wait for their delivery; one is lost")
            return
        task = asyncio.get_running_loop().create_task(self._try(record))
        self._delivering.add(task)
        task.add_done_callback(self._delivering.discard)

    async def _try(self, record: Record) -> None:
        try:
            await self._deliver(record)
        except Exception:  # nobody awaits it
            metrics.records_total.labels("webhook", "lost").inc()
            logger.exception("a record is lost")

    async def _deliver(self, record: Record) -> None:
        body = record.to_json()
        if self._settings.dir is not None:
            path = self._settings.dir / f"{name_of(record.began, record.id)}.json"
            _count("file", done=await self._keep(path, body))
        if self._webhook is not None:
            _count("webhook", done=await self._webhook.post(f"record_{record.id}", body))

    async def _keep(self, path: Path, body: bytes) -> bool:
        try:
            await asyncio.to_thread(write, path, body)
        except OSError as error:
            logger.error("a record cannot be written: {}", error.strerror)
            return False
        return True


def _count(where: str, *, done: bool) -> None:
    metrics.records_total.labels(where, "done" if done else "failed").inc()
    if not done:
        logger.error("a record is not delivered: {}", where)
