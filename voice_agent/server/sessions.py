"""Who is connected: slots, idleness, draining."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import WebSocket
from loguru import logger

from voice_agent import metrics
from voice_agent.engines.base import new_session_id
from voice_agent.engines.engine_set import EngineSet
from voice_agent.errors import AtCapacity, IdleTimeout, VoiceAgentError
from voice_agent.server.connections import Connection, Resumable
from voice_agent.server.info import described, limits
from voice_agent.server.socket import NORMAL_CLOSURE, ClientSocket
from voice_agent.settings import Settings
from voice_agent.synthesis.prompt_cache import PromptCache
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.common import Draining, Error, Ready

_SERVICE_RESTART = 1012
_INTERNAL_ERROR = 1011
_WATCH_EVERY_S = 1.0
_RETRY_AFTER_MS = 2000
# a session that was closed has only to put its things away
_END_WITHIN_S = 2.0


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One client, across its connections: what a bot gets.

    Attributes:
        id: Names it in logs and `ready`.
        resume_token: What the client may come back with.
        service: `asr`, `tts` or `agent`.
        websocket: The first one: accepted, and nothing sent on it yet.
        socket: The same, for a session that may outlive it.
        engines: Of the process.
        settings: Of the process.
        voices: Of the process's speaker, if it has one.
        phrases: What it can say whatever becomes of the speaker, if it converses.
        connection: Set by `attach` once a transport speaks for it.
    """

    service: str
    websocket: WebSocket
    socket: ClientSocket
    engines: EngineSet
    settings: Settings
    voices: VoiceRegistry | None = None
    phrases: PromptCache | None = None
    id: str = field(default_factory=new_session_id)
    resume_token: str = field(default_factory=lambda: _token())
    connection: Connection | None = None
    _used: tuple[str, int] | None = None
    """The token before, and how many frames had been taken when it was used."""

    @property
    def resumable(self) -> Resumable | None:
        """Its connection, if that can be lost and made again."""
        return self.connection if isinstance(self.connection, Resumable) else None

    def attach(self, connection: Connection) -> None:
        """Lets the server speak to the client and end the session."""
        self.connection = connection

    def ready(self, received_frames: int | None = None) -> Ready:
        """The message that opens a connection.

        Args:
            received_frames: Of a session that goes on; None for the first connection.
        """
        return Ready.model_validate(
            {
                "session_id": self.id,
                "resume_token": self.resume_token,
                "service": self.service,
                "engine": described(self.engines),
                "limits": limits(self.settings),
                "resumed": None if received_frames is None else True,
                "received_frames": received_frames,
            }
        )

    def accepts(self, token: str) -> bool:
        """Whether this token resumes the session now.

        A token that was used stays good until the client has sent something over the new
        connection: that may be lost before the client has read its new token.
        """
        if self.resumable is None:
            return False
        if secrets.compare_digest(token.encode(), self.resume_token.encode()):
            return True
        if self._used is None or self._used[1] != self.resumable.n_received:
            return False
        return secrets.compare_digest(token.encode(), self._used[0].encode())

    async def resume(self, token: str, socket: ClientSocket, last_seq: int) -> None:
        """Goes on over another socket. Raises ResumeExpired, BadMessage.

        Args:
            token: Was accepted; another one takes its place.
            socket: Nothing has been sent on it.
            last_seq: Number of the last message that the client has.
        """

        def ready(received_frames: int) -> Ready:
            self._used = (token, received_frames)
            self.resume_token = _token()
            return self.ready(received_frames)

        assert self.resumable is not None, "it accepted the token"
        await self.resumable.resume(socket, last_seq, ready)


def _token() -> str:
    return secrets.token_urlsafe(24)


class Sessions:
    """The slots of a service. Owned by its app; one object a process.

    Args:
        service: Name for metrics.
        settings: Of the process.
        phrases: What all of them can say; None if they do not converse.
    """

    def __init__(
        self, service: str, settings: Settings, phrases: PromptCache | None = None
    ) -> None:
        self.service = service
        self._settings = settings
        self._phrases = phrases
        self._open: set[Session] = set()
        self._empty = asyncio.Event()
        self._running: dict[Session, asyncio.Task[None]] = {}
        self.draining = False
        self.n_ended = 0
        """Sessions that have given their slot back."""

    @property
    def n_open(self) -> int:
        """Sessions that hold a slot."""
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether no slot is free."""
        return self.n_open >= self._settings.server.max_sessions

    def open(
        self, websocket: WebSocket, engines: EngineSet, voices: VoiceRegistry | None
    ) -> Session:
        """Takes a slot; give it back with `release`.

        Raises:
            AtCapacity: No slot is free, or the service is going down.
        """
        if self.draining or self.full:
            metrics.sessions_total.labels(self.service, "refused").inc()
            reason = "the service is going down" if self.draining else "all lines are busy"
            raise AtCapacity(f"{reason}, try again later", retry_after_ms=_RETRY_AFTER_MS)
        session = Session(
            service=self.service,
            websocket=websocket,
            socket=self.socket(websocket),
            engines=engines,
            settings=self._settings,
            voices=voices,
            phrases=self._phrases,
        )
        self._open.add(session)
        metrics.sessions_total.labels(self.service, "accepted").inc()
        metrics.sessions_open.labels(self.service).set(self.n_open)
        return session

    def socket(self, websocket: WebSocket) -> ClientSocket:
        """An accepted WebSocket, for a session that may outlive it."""
        return ClientSocket(websocket, send_timeout_s=self._settings.server.send_timeout_s)

    def release(self, session: Session) -> None:
        """Gives a slot back and takes the session's jobs out of the engines."""
        self._open.discard(session)
        self.n_ended += 1
        if not self._open:
            self._empty.set()
        metrics.sessions_open.labels(self.service).set(self.n_open)
        session.engines.forget(session.id)

    def run(self, session: Session, bot: Callable[[Session], Awaitable[None]]) -> None:
        """Runs a session that was opened, in a task of its own, and releases it after that.

        It may outlive the connection that it began with.
        """
        self._running[session] = asyncio.create_task(self._run(session, bot))

    async def hold(self, session: Session, socket: ClientSocket) -> None:
        """Keeps a connection for as long as a session that was `run` needs it."""
        running = self._running.get(session)
        used = asyncio.create_task(socket.ended())
        try:
            await asyncio.wait(
                [used, *([running] if running else [])], return_when=asyncio.FIRST_COMPLETED
            )
            await socket.close(_INTERNAL_ERROR)  # the session failed, or it has been closed
            await used
        finally:
            used.cancel()

    def find(self, token: str, path: str) -> Session | None:
        """The session that this token resumes at this path."""
        return next(
            (s for s in self._open if s.websocket.url.path == path and s.accepts(token)), None
        )

    async def end(self, session: Session) -> None:
        """Ends a session for which nobody comes back any more."""
        if session.connection is not None:
            await session.connection.close(NORMAL_CLOSURE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_WITHIN_S):
                if session in self._running:
                    await asyncio.wait([self._running[session]])

    async def watch(self) -> None:
        """Ends sessions whose client has been silent, or away, for too long; runs for ever."""
        server = self._settings.server
        every_s = min(_WATCH_EVERY_S, server.idle_timeout_s / 4, server.resume_s / 4 or 1.0)
        while True:
            await asyncio.sleep(every_s)
            # together: a client that does not read holds up its own end only
            ending = [end for session in self._open if (end := self._overdue(session))]
            await asyncio.gather(*ending, return_exceptions=True)

    def _overdue(self, session: Session) -> Awaitable[None] | None:
        """What ends a session that has waited for its client for too long."""
        server = self._settings.server
        connection = session.connection
        if connection is None:
            return None
        if session.resumable and (away_s := session.resumable.away_s):
            if not self.draining and away_s <= server.resume_s:
                return None
            logger.bind(session=session.id).info("the client did not come back")
            return connection.close(NORMAL_CLOSURE)
        if connection.silent_s <= server.idle_timeout_s:
            return None
        logger.bind(session=session.id).info("the client was silent for too long")
        return self._close_idle(connection)

    async def _close_idle(self, connection: Connection) -> None:
        error = IdleTimeout(f"nothing came for {self._settings.server.idle_timeout_s:g} s")
        await connection.send(Error.of(error))
        await connection.close(error.close_code or 1001)

    async def drain(self) -> None:
        """Lets running sessions finish until the deadline, then ends them.

        Those whose client is away end at once.
        """
        self.draining = True
        timeout_s = self._settings.server.drain_timeout_s
        away = [s.resumable for s in self._open if s.resumable and s.resumable.away_s]
        await asyncio.gather(*(c.close(NORMAL_CLOSURE) for c in away), return_exceptions=True)
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
        await self._end_all()

    async def _end_all(self) -> None:
        """Waits for the tasks of sessions that were closed."""
        tasks = list(self._running.values())
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=_END_WITHIN_S)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _tell_failure(self, session: Session, error: Exception) -> None:
        """Tells a client whose session broke before its pipeline ran, or beside it."""
        if not isinstance(error, VoiceAgentError):
            error = VoiceAgentError("the session failed; please connect again")
        if session.connection is not None:
            await session.connection.fail(error)
            return
        metrics.errors_total.labels(self.service, error.code).inc()
        await session.socket.send(Error.of(error).model_dump_json(exclude_none=True))

    async def _run(self, session: Session, bot: Callable[[Session], Awaitable[None]]) -> None:
        with logger.contextualize(session=session.id):
            try:
                logger.info("a session begins")
                await bot(session)
            except Exception as error:
                logger.exception("a session failed")
                await self._tell_failure(session, error)
            finally:
                self._running.pop(session, None)
                self.release(session)
                logger.info("the session is over")
