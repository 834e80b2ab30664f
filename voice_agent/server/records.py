"""Keeps what remains of a service's conversations, where settings ask for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, FastAPI
from loguru import logger

from voice_agent.records.check import check
from voice_agent.records.folder import name_of
from voice_agent.records.outbox import Outbox
from voice_agent.records.record import Record
from voice_agent.records.session import SessionRecord
from voice_agent.server.app import State
from voice_agent.server.sessions import Session
from voice_agent.wire.twilio import Start


class Records:
    """The records of a process; its router has no routes and lives as long as the app."""

    def __init__(self) -> None:
        self.router = APIRouter(lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncGenerator[None]:
        state: State = app.state.service
        settings = state.settings.records
        check(settings)
        if settings.audio:
            logger.info("conversations are recorded; callers have to be told")
        async with Outbox(settings) as self._outbox:
            yield

    def begin(self, session: Session, call: Start | None = None) -> SessionRecord | None:
        """Begins a session's record; `end` has to follow. None if nothing is kept.

        Args:
            session: Whose.
            call: Of a telephone call.
        """
        settings = session.settings.records
        if settings.dir is None and not settings.webhook_url:
            return None
        began = datetime.now(UTC)
        kind: Literal["wire", "twilio"] = "wire" if call is None else "twilio"
        record = Record(
            id=session.id,
            service=session.service,
            kind=kind,
            call_sid=call.call_sid if call else None,
            stream_sid=call.stream_sid if call else None,
            began=began,
            engines={role: info.name for role, info in session.engines.infos.items()},
        )
        audio = None
        if settings.audio and settings.dir is not None:
            audio = settings.dir / f"{name_of(began, session.id)}.wav"
        return SessionRecord(record, words=settings.words, audio=audio)

    def end(self, record: SessionRecord | None, close_code: int | None) -> None:
        """Lets a record go its way; returns at once.

        Args:
            record: As `begin` gave it.
            close_code: What we closed the connection with; None if the client left.
        """
        if record is not None:
            self._outbox.put(record.end(close_code))
