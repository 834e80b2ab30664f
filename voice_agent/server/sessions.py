"""Who is connected: slots, idleness, draining."""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import WebSocket
from loguru import logger

from voice_agent import metrics
from voice_agent.engines.room import EngineRoom
from voice_agent.errors import AtCapacity, IdleTimeout
from voice_agent.settings import Settings
from voice_agent.synthesis.phrases import PhraseBook
from voice_agent.voices.library import VoiceLibrary
from voice_agent.wire.common import Draining, Error, Limits, Ready, ServerMessage

_SERVICE_RESTART = 1012
_WATCH_EVERY_S = 1.0
_RETRY_AFTER_MS = 2000


class Connection(Protocol):
    """What a session's transport offers to the server."""

    @property
    def silent_s(self) -> float:
        """Seconds since the client sent anything."""
        ...

    async def send(self, message: ServerMessage) -> None:
        """Writes a message."""
        ...

    async def close(self, code: int) -> None:
        """Ends the connection."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One client's connection: what a bot gets.

    Attributes:
        id: Names it in logs and `ready`.
        resume_token: What the client may come back with.
        service: `asr`, `tts` or `agent`.
        websocket: Accepted, and nothing sent on it yet.
        room: The engines of the process.
        settings: Of the process.
        voices: Of the process's speaker, if it has one.
        phrases: What it can say whatever becomes of the speaker, if it converses.
        connection: Set by `attach` once a transport speaks for it.
    """

    service: str
    websocket: WebSocket
    room: EngineRoom
    settings: Settings
    voices: VoiceLibrary | None = None
    phrases: PhraseBook | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    resume_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    connection: Connection | None = None

    def attach(self, connection: Connection) -> None:
        """Lets the server speak to the client and end the session."""
        self.connection = connection

    def ready(self) -> Ready:
        """The message that opens the session."""
        return Ready.model_validate(
            {
                "session_id": self.id,
                "resume_token": self.resume_token,
                "service": self.service,
                "engine": described(self.room),
                "limits": limits(self.settings),
            }
        )


def described(room: EngineRoom) -> dict[str, dict[str, object]]:
    """The engines by role, for `ready` and ``/v1/info``."""
    return {
        role: {
            "name": info.name,
            "model": info.model,
            "device": info.device,
            "precision": info.precision,
            "sample_rate": info.sample_rate_hz,
            "languages": list(info.languages),
            "capacity": info.capacity,
            "why": info.why,
            "hint": info.hint,
        }
        for role, info in room.infos.items()
    }


def limits(settings: Settings) -> Limits:
    """What a client may send."""
    return Limits(
        max_sessions=settings.server.max_sessions,
        max_frame_bytes=settings.server.max_frame_bytes,
        max_unprocessed_audio_s=settings.server.max_unprocessed_audio_s,
        max_text_chars=settings.tts.max_text_chars,
        idle_timeout_s=settings.server.idle_timeout_s,
    )


class Sessions:
    """The slots of a service. Owned by its app; one object a process.

    Args:
        service: Name for metrics.
        settings: Of the process.
        phrases: What all of them can say; None if they do not converse.
    """

    def __init__(self, service: str, settings: Settings, phrases: PhraseBook | None = None) -> None:
        self._service = service
        self._settings = settings
        self._phrases = phrases
        self._open: set[Session] = set()
        self._empty = asyncio.Event()
        self.draining = False

    @property
    def n_open(self) -> int:
        """Sessions that hold a slot."""
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether no slot is free."""
        return self.n_open >= self._settings.server.max_sessions

    def open(self, websocket: WebSocket, room: EngineRoom, voices: VoiceLibrary | None) -> Session:
        """Takes a slot; give it back with `release`.

        Raises:
            AtCapacity: No slot is free, or the service is going down.
        """
        if self.draining or self.full:
            metrics.sessions_total.labels(self._service, "refused").inc()
            reason = "the service is going down" if self.draining else "all lines are busy"
            raise AtCapacity(f"{reason}, try again later", retry_after_ms=_RETRY_AFTER_MS)
        session = Session(
            service=self._service,
            websocket=websocket,
            room=room,
            settings=self._settings,
            voices=voices,
            phrases=self._phrases,
        )
        self._open.add(session)
        metrics.sessions_total.labels(self._service, "accepted").inc()
        metrics.sessions_open.labels(self._service).set(self.n_open)
        return session

    def release(self, session: Session) -> None:
        """Gives a slot back and takes the session's jobs out of the engines."""
        self._open.discard(session)
        if not self._open:
            self._empty.set()
        metrics.sessions_open.labels(self._service).set(self.n_open)
        session.room.forget(session.id)

    async def watch(self) -> None:
        """Ends sessions whose client has been silent for too long; runs for ever."""
        limit_s = self._settings.server.idle_timeout_s
        while True:
            await asyncio.sleep(min(_WATCH_EVERY_S, limit_s / 4))
            for session in list(self._open):
                connection = session.connection
                if connection is not None and connection.silent_s > limit_s:
                    logger.bind(session=session.id).info("the client was silent for too long")
                    error = IdleTimeout(f"nothing came for {limit_s:g} s")
                    await connection.send(Error.of(error))
                    await connection.close(error.close_code or 1001)

    async def drain(self) -> None:
        """Lets running sessions finish until the deadline, then ends them."""
        self.draining = True
        timeout_s = self._settings.server.drain_timeout_s
        connections = [s.connection for s in self._open if s.connection is not None]
        message = Draining(deadline_ms=round(timeout_s * 1000))
        await asyncio.gather(*(c.send(message) for c in connections), return_exceptions=True)
        if self._open:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._empty.wait()
        left = [s.connection for s in self._open if s.connection is not None]
        await asyncio.gather(*(c.close(_SERVICE_RESTART) for c in left), return_exceptions=True)
