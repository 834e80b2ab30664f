"""A WebSocket session that speaks the wire protocol, as a Pipecat transport.

Input and output run in direct mode: a message is carried through the whole pipeline in
the task that received it, and an answer is written in the task that made it. So nothing
queues inside: a pipeline that is slow slows the socket, and a client that does not read
holds up only its own session.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from fastapi import WebSocket
from loguru import logger
from pipecat.frames.frames import CancelFrame, EndFrame, Frame, StartFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketClient,
    FastAPIWebsocketInputTransport,
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

from voice_agent import metrics
from voice_agent.errors import TooLarge, VoiceAgentError
from voice_agent.frames import ClientMessageFrame, ServerMessageFrame
from voice_agent.wire.common import ClientMessage, Error, Ping, Pong, ServerMessage

NORMAL_CLOSURE = 1000
INTERNAL_ERROR = 1011


class WireSerializer(ABC):
    """Messages of one service to frames and back; one object a session.

    Args:
        max_frame_bytes: Largest frame a client may send.
    """

    def __init__(self, *, max_frame_bytes: int) -> None:
        self.max_frame_bytes = max_frame_bytes
        self._active_at_s = time.monotonic()
        self._working = False

    @property
    def silent_s(self) -> float:
        """Seconds since the client sent anything but a `ping`; 0 while that is dealt with."""
        return 0.0 if self._working else time.monotonic() - self._active_at_s

    def note_activity(self) -> None:
        """Notes that the client is there, in another way than by sending."""
        self._active_at_s = time.monotonic()

    @abstractmethod
    def parse(self, text: str) -> ClientMessage:
        """Reads a text frame; raises BadMessage."""

    @abstractmethod
    def on_message(self, message: ClientMessage) -> AsyncIterator[Frame]:
        """Frames for a message; may raise any VoiceAgentError."""

    @abstractmethod
    def on_binary(self, data: bytes) -> AsyncIterator[Frame]:
        """Frames for a binary frame; may raise any VoiceAgentError."""

    def at_once(self, data: str | bytes) -> Sequence[Frame] | None:
        """Frames for what needs no waiting and cannot fail; None for all else.

        Audio comes in fifty times a second and mostly only adds to what is gathered: this
        way it costs a quarter of `incoming` (measured: 4 µs a frame of 20 ms).
        """
        del data
        return None

    def outgoing(self, frame: Frame) -> Iterable[tuple[ServerMessage, bytes]]:
        """Messages, each with the binary frame that follows it (or none), for a frame."""
        if isinstance(frame, ServerMessageFrame):
            yield frame.message, frame.payload

    def frame_limit(self, data: str | bytes) -> int:
        """Largest size that is allowed for this frame, in bytes."""
        del data
        return self.max_frame_bytes

    async def close(self) -> None:  # noqa: B027  most hold nothing
        """Ends what the serializer holds; may be called twice."""

    async def incoming(self, data: str | bytes) -> AsyncIterator[Frame]:
        """Frames for anything that a client sends; never raises for what it sent."""
        try:
            frames = self._frames(data)
            if isinstance(frames, Ping):
                yield ServerMessageFrame(message=Pong(id=frames.id))
                return
            self._working = True
            async for frame in frames:
                yield frame
        except VoiceAgentError as error:
            yield ServerMessageFrame(message=Error.of(error))
        finally:
            if self._working:
                self._working = False
                self.note_activity()

    def _frames(self, data: str | bytes) -> AsyncIterator[Frame] | Ping:
        limit = self.frame_limit(data)
        if len(data) > limit:
            raise TooLarge(f"a frame may have {limit} bytes, this one has {len(data)}")
        if isinstance(data, bytes):
            return self.on_binary(data)
        message = self.parse(data)
        return message if isinstance(message, Ping) else self.on_message(message)


class _Client(FastAPIWebsocketClient):
    """The socket, with a close code and a deadline for writes."""

    send_timeout_s: float = 60.0
    close_code: int | None = None

    async def send(self, data: str | bytes) -> None:
        try:
            async with asyncio.timeout(self.send_timeout_s):
                await super().send(data)
        except TimeoutError:
            # nothing can be said to a client that does not read
            logger.info("a client read nothing for {} s and is dropped", self.send_timeout_s)
            await self.close(INTERNAL_ERROR)

    async def close(self, code: int) -> None:
        """Closes with a code, once; does not wait longer for the other side than asked to."""
        if self.is_connected and not self._closing:
            self._closing = True
            self.close_code = code
            try:
                async with asyncio.timeout(self._ws_close_timeout):
                    await self._websocket.close(code)
            except (TimeoutError, RuntimeError) as error:
                logger.debug("the socket did not close in order: {!r}", error)


class _Input(FastAPIWebsocketInputTransport):
    """Reads the socket; the only reader."""

    def __init__(self, transport: "WireTransport", client: _Client, params: Any) -> None:
        super().__init__(transport, client, params, enable_direct_mode=True)
        self._wire = transport

    async def _receive_messages(self) -> None:
        try:
            async for data in self._client.receive():
                frames = self._wire.serializer.at_once(data)
                if frames is None:
                    async for frame in self._wire.serializer.incoming(data):
                        await self.push_frame(frame)
                else:
                    for frame in frames:
                        await self.push_frame(frame)
        except Exception:
            logger.exception("a session failed")
            await self._wire.fail()
        await self._wire.on_closed()


class _Output(FastAPIWebsocketOutputTransport):
    """Writes the socket; whole messages, one writer at a time."""

    def __init__(self, transport: "WireTransport", client: _Client, params: Any) -> None:
        super().__init__(transport, client, params, enable_direct_mode=True)
        self._wire = transport

    async def set_transport_ready(self, frame: StartFrame) -> None:
        """Starts no media senders: audio is written when it is made."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Writes what has a message; ends the connection after a `close`."""
        if isinstance(frame, StartFrame | EndFrame | CancelFrame):
            await super().process_frame(frame, direction)
            return
        if direction is FrameDirection.DOWNSTREAM:
            for message, payload in self._wire.serializer.outgoing(frame):
                await self._wire.send(message, payload)
            if isinstance(frame, ClientMessageFrame) and frame.message.is_close:
                await self._wire.close(NORMAL_CLOSURE)
        await self.push_frame(frame, direction)


class WireTransport(FastAPIWebsocketTransport):
    """One client's session on a WebSocket.

    Args:
        websocket: Accepted.
        service: Name for metrics.
        serializer: What this service's messages mean.
        send_timeout_s: A client that reads nothing for this long is dropped.
    """

    def __init__(
        self,
        websocket: WebSocket,
        *,
        service: str,
        serializer: WireSerializer,
        send_timeout_s: float,
    ) -> None:
        params = FastAPIWebsocketParams(allowed_origins=[])
        super().__init__(websocket, params)
        self.serializer = serializer
        self._service = service
        self._wire_client = _Client(websocket, self._callbacks, params.ws_close_timeout)
        self._wire_client.send_timeout_s = send_timeout_s
        self._input = _Input(self, self._wire_client, params)
        self._output = _Output(self, self._wire_client, params)
        self._writing = asyncio.Lock()
        self._seq = 0
        self._ended = False

    @property
    def silent_s(self) -> float:
        """Seconds since the client sent anything but a `ping`, or took audio."""
        return self.serializer.silent_s

    @property
    def close_code(self) -> int | None:
        """What we closed the connection with; None if the client left."""
        return self._wire_client.close_code

    async def send(self, message: ServerMessage, payload: bytes = b"") -> None:
        """Writes a message and its binary frame; waits while the client does not read.

        Both are written or neither, also when the task that sends is cancelled.
        """
        if isinstance(message, Error):
            metrics.errors_total.labels(self._service, message.code).inc()
        await asyncio.shield(asyncio.ensure_future(self._write(message, payload)))
        if self._wire_client.is_closing:  # it may have been dropped, and will say nothing
            await self.on_closed()

    async def _write(self, message: ServerMessage, payload: bytes) -> None:
        async with self._writing:
            self._seq += 1
            text = message.model_dump_json(exclude_none=True)
            await self._wire_client.send(f'{text[:-1]},"seq":{self._seq}}}')
            if payload:
                await self._wire_client.send(payload)
                self.serializer.note_activity()  # who takes a long answer is not idle

    async def close(self, code: int) -> None:
        """Ends the connection; the pipeline ends after it."""
        await self._wire_client.close(code)
        await self.on_closed()

    async def fail(self) -> None:
        """Tells the client that its session broke, and ends it."""
        await self.send(Error.of(VoiceAgentError("the session failed; please connect again")))
        await self.close(INTERNAL_ERROR)

    async def on_closed(self) -> None:
        """Tells once that the session is over, whoever ended it."""
        if not self._ended:
            self._ended = True
            await self.serializer.close()
            await self._wire_client.trigger_client_disconnected()
