"""One conversation with a service over as many connections as it takes."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from voice_agent.client.connection import Connection, Resume, connected
from voice_agent.client.keepalive import Keepalive
from voice_agent.client.reconnecting.backoff import Backoff
from voice_agent.client.reconnecting.endpoints import Endpoints
from voice_agent.client.reconnecting.events import (
    AudioDropped,
    ConnectionLost,
    ConnectionRestored,
    ReconnectingEvent,
)
from voice_agent.client.reconnecting.outbox import Outbox
from voice_agent.errors import (
    AtCapacity,
    EngineUnavailable,
    IdleTimeout,
    Unauthorized,
    VoiceAgentError,
)
from voice_agent.wire.common import Ready, ServerMessage
from voice_agent.wire.tts import AudioChunk

S = TypeVar("S", bound=ServerMessage)
C = TypeVar("C", bound=ServerMessage, covariant=True)

_TRY_NEXT = (AtCapacity, EngineUnavailable, Unauthorized)


class OneConnection(Protocol[C]):
    """What a line needs of `voice_agent.client.connection.Connection`."""

    ready: Ready
    last_seq: int
    gone: bool

    async def receive(self) -> C | bytes | None: ...

    async def send_frame(self, data: bytes | str) -> None: ...

    async def close(self) -> None: ...


Connect = Callable[[str, Resume | None], Awaitable[OneConnection[S]]]
"""Opens a connection to an address, to go on with a session if one is given; raises as
`voice_agent.client.connection.connected`."""


def connecting(service: str, adapter: TypeAdapter[S], timeout_s: float) -> Connect[S]:
    """Opens connections to one kind of service. Arguments as of `connected`."""

    def connect(url: str, resume: Resume | None) -> Awaitable[Connection[S]]:
        return connected(
            url, service, adapter, timeout_s=timeout_s, resume=resume, keepalive=Keepalive()
        )

    return connect


@dataclass(frozen=True, slots=True)
class Arrival(Generic[S]):
    """A message, and the binary frame that followed it."""

    message: S
    data: bytes = b""


@dataclass(slots=True, kw_only=True)
class Runtime:
    """What a line gets from outside, so that its policy can be tested without any.

    Attributes:
        clock: Seconds, monotonic.
        draw: Random, from 0 up to 1.
        sleep: Waits for so many seconds.
    """

    clock: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class ReconnectingConnection(Generic[S]):
    """Connects, notices a loss, comes back, and sends again what did not arrive.

    Reading drives it: it comes back while somebody is in `receive`.

    Args:
        endpoints: Where the service may be.
        connect: Opens a connection.
        outbox: What is to be sent.
        renew: Called after another session has begun; calls `Outbox.restart`, and gives
            what could not be kept.
        backoff: How it comes back.
        surroundings: Clock, random, sleep.
        rests: A service that ended an idle session is left alone until there is something
            to send; else it is gone back to at once.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        connect: Connect[S],
        outbox: Outbox,
        *,
        renew: Callable[[], AudioDropped | None],
        backoff: Backoff,
        surroundings: Runtime,
        rests: bool,
    ) -> None:
        self._endpoints = endpoints
        self._connect = connect
        self._outbox = outbox
        self._renew = renew
        self._backoff = backoff
        self._around = surroundings
        self._rests = rests
        self._connection: OneConnection[S] | None = None
        self._last: OneConnection[S] | None = None
        self._announced: S | None = None  # its binary frame has not come yet
        self._url = ""
        self._lost_at_s = 0.0
        self._idle = False
        self._events: deque[ReconnectingEvent] = deque()
        self._changed = asyncio.Condition()
        self.n_sessions = 0
        """Sessions that it has had; with the next one, nothing is known of the one before."""
        self.given_up: EngineUnavailable | None = None
        """Why it does not try any more, once that is so."""

    @property
    def ready(self) -> Ready:
        """How the service introduced itself last."""
        assert self._last is not None, "the line was not opened"
        return self._last.ready

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Connects, and writes what is in the outbox until the context ends.

        Each address is tried once.

        Raises:
            AtCapacity: A service is there, and none has a free slot.
            EngineUnavailable: There is none.
            Unauthorized: It wants a key.
        """
        errors = await self._round()
        if errors:
            raise next((e for e in errors if isinstance(e, AtCapacity)), errors[-1])
        self._last = self._connection
        self._begin()
        writing = asyncio.create_task(self._write_all())
        try:
            yield
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            if self._connection is not None:
                await self._connection.close()

    async def changed(self) -> None:
        """Wakes whoever waits: the outbox, or the connection, is not what it was."""
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds.

        Raises:
            EngineUnavailable: The line was given up.
        """
        if not holds():
            async with self._changed:
                await self._changed.wait_for(lambda: holds() or self.given_up is not None)
        if self.given_up is not None:
            raise self.given_up

    async def receive(self) -> Arrival[S] | ReconnectingEvent | None:
        """The next message or event; None once the service has closed in order.

        Raises:
            VoiceAgentError: An `error` message came; it may be called again.
            EngineUnavailable: It was given up (`given_up` is set).
        """
        while True:
            if self._events:
                return self._events.popleft()
            if self.given_up is not None:
                raise self.given_up
            connection = self._connection
            if connection is None:
                await self._come_back()
                continue
            try:
                return await self._whole(connection)
            except IdleTimeout:
                self._idle = self._rests
            except VoiceAgentError as error:
                if not connection.gone:
                    raise
                await self._lose(connection, error.message)

    async def _write_all(self) -> None:
        while True:
            await self.until(lambda: self._connection is not None and self._outbox.unwritten)
            connection = self._connection
            frame = self._outbox.take()
            if connection is None or frame is None:
                continue
            try:
                await connection.send_frame(frame.data)
            except EngineUnavailable:
                # whoever reads finds the same; the frame is written again after it
                await self.until(lambda gone=connection: self._connection is not gone)

    async def _whole(self, connection: OneConnection[S]) -> Arrival[S] | None:
        """A message with its binary frame. Nothing is lost when it is cancelled."""
        while True:
            part = await connection.receive()
            if isinstance(part, AudioChunk):
                self._announced = part
            elif not isinstance(part, bytes):
                return None if part is None else Arrival(part)
            elif self._announced is not None:
                announced, self._announced = self._announced, None
                return Arrival(announced, part)

    async def _lose(self, connection: OneConnection[S], reason: str) -> None:
        self._lost_at_s = self._around.clock()
        self._connection = self._announced = None
        self._events.append(ConnectionLost(self._url, reason))
        await self.changed()
        await connection.close()

    async def _come_back(self) -> None:
        if self._idle:
            await self.until(lambda: self._outbox.unwritten)
            self._idle = False
            self._lost_at_s = self._around.clock()
        attempt = 0
        while errors := await self._round():
            delay_s = self._backoff.delay_s(attempt, self._around.draw())
            attempt += 1
            away_s = self._around.clock() - self._lost_at_s
            if away_s + delay_s > self._backoff.give_up_s:
                self.given_up = EngineUnavailable(
                    f"no service could be reached for {away_s:.0f} s: {errors[-1].message}"
                )
                await self.changed()
                return
            await self._around.sleep(delay_s)
        await self._go_on()

    async def _round(self) -> list[VoiceAgentError]:
        """Tries every address once, the last one first.

        Returns:
            Why none could be used; nothing if there is a connection now.
        """
        errors: list[VoiceAgentError] = []
        for url in self._endpoints.order(self._url):
            resume = None
            if url == self._url and self._last is not None:
                resume = Resume(self._last.ready.resume_token, self._last.last_seq)
            try:
                self._connection = await self._connect(url, resume)
            except _TRY_NEXT as error:
                if not isinstance(error, AtCapacity):
                    self._endpoints.failed(url)
                errors.append(error)
                continue
            self._endpoints.succeeded(url)
            self._url = url
            return []
        return errors

    async def _go_on(self) -> None:
        connection = self._connection
        assert connection is not None
        resumed = bool(connection.ready.resumed)
        if resumed:
            dropped = self._outbox.resume(connection.ready.received_frames or 0)
        else:
            dropped = self._begin()
        self._last = connection
        away_s = self._around.clock() - self._lost_at_s
        self._events.append(ConnectionRestored(self._url, resumed, away_s))
        if dropped is not None:
            self._events.append(dropped)
        await self.changed()

    def _begin(self) -> AudioDropped | None:
        self.n_sessions += 1
        return self._renew()
