"""A WebSocket session that speaks the wire protocol, as a Pipecat transport.

Input and output run in direct mode: a message is carried through the whole pipeline in
the task that received it, and an answer is written in the task that made it. So nothing
queues inside: a pipeline that is slow slows the socket, and a client that does not read
holds up only its own session.
"""

import asyncio
from collections.abc import Awaitable, Callable

from pipecat.frames.frames import Frame, StartFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import BaseTransport

from transports.replay_buffer import ReplayBuffer
from transports.resumable_connection import ResumableConnection
from transports.serializer import WireSerializer
from voice_agent import metrics
from voice_agent.errors import VoiceAgentError
from voice_agent.frames import ClientMessageFrame, PresenceFrame
from voice_agent.server.socket import NORMAL_CLOSURE, ClientSocket
from voice_agent.wire.common import Error, Ready, ServerMessage
from voice_agent.wire.tts import AudioChunk

INTERNAL_ERROR = 1011


class WireInput(FrameProcessor):
    """Reads what the client sends; the only reader.

    Args:
        link: To the client.
        serializer: What it means.
        on_end: Called when the session is over.
    """

    def __init__(
        self,
        link: ResumableConnection,
        serializer: WireSerializer,
        *,
        on_end: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._link = link
        self._serializer = serializer
        self._on_end = on_end
        self._reading: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Begins to read once the pipeline has started."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame) and self._reading is None:
            self._reading = self.create_task(self._read())

    async def cleanup(self) -> None:
        """Stops reading."""
        await super().cleanup()
        if self._reading is not None and not self._reading.done():
            await self.cancel_task(self._reading)

    async def _read(self) -> None:
        async for data in self._link.frames(self._tell_presence):
            frames = self._serializer.decode_sync(data)
            if frames is None:
                async for frame in self._serializer.incoming(data):
                    await self.push_frame(frame)
            else:
                for frame in frames:
                    await self.push_frame(frame)
        await self._on_end()

    async def _tell_presence(self, here: bool) -> None:
        await self.push_frame(PresenceFrame(here=here))


class WireOutput(FrameProcessor):
    """Sends what has a message; ends the session after a `close`.

    Args:
        transport: Sends.
    """

    def __init__(self, transport: "WireTransport") -> None:
        super().__init__(enable_direct_mode=True)
        self._wire = transport

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Sends what goes out; passes everything on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            for message, payload in self._wire.serializer.outgoing(frame):
                await self._wire.send(message, payload)
            if isinstance(frame, ClientMessageFrame) and frame.message.is_close:
                await self._wire.finish()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Ends the session, if it has not ended."""
        await super().cleanup()
        await self._wire.close(NORMAL_CLOSURE)


class WireTransport(BaseTransport):
    """One client's session, over as many WebSockets as it takes.

    A connection that is lost leaves the session running: what it has to say is kept, within
    bounds, until its client comes back (`resume`) or the server closes it.

    Args:
        socket: The first one; nothing has been sent on it.
        service: Name for metrics.
        serializer: What this service's messages mean.
        resume_s: How long a message that was sent may be asked for again; 0 ends the session
            with its connection.
        max_kept_bytes: Messages that are kept for that.
        max_held_s: Audio that is made for a client that is away.
    """

    def __init__(
        self,
        socket: ClientSocket,
        *,
        service: str,
        serializer: WireSerializer,
        resume_s: float,
        max_kept_bytes: int,
        max_held_s: float,
    ) -> None:
        super().__init__()
        self.serializer = serializer
        self._service = service
        self._link = ResumableConnection(
            socket,
            service=service,
            log=ReplayBuffer(max_bytes=max_kept_bytes, max_age_s=resume_s),
            max_held_s=max_held_s,
            resumable=resume_s > 0,
            on_taken=serializer.note_activity,  # who takes a long answer is not idle
        )
        self._input = WireInput(self._link, serializer, on_end=self.on_closed)
        self._output = WireOutput(self)
        self._ended = self._failed = False
        self._register_event_handler("on_client_disconnected")

    def input(self) -> FrameProcessor:
        """What the client sends."""
        return self._input

    def output(self) -> FrameProcessor:
        """What the client is told."""
        return self._output

    @property
    def silent_s(self) -> float:
        """Seconds since the client sent anything but a `ping`, or took audio."""
        return self.serializer.silent_s

    @property
    def away_s(self) -> float:
        """Seconds since the connection was lost; 0 if there is one."""
        return self._link.away_s

    @property
    def n_received(self) -> int:
        """Frames of the client that the session has taken."""
        return self._link.n_received

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        return self._link.over

    @property
    def close_code(self) -> int | None:
        """What we closed the connection with; None if the client left, or did not come back."""
        return self._link.close_code

    async def send(self, message: ServerMessage, payload: bytes = b"") -> None:
        """Sends a message and its binary frame; waits while the client does not read.

        Both are sent or neither, also when the task that sends is cancelled. After `fail`
        nothing is sent.
        """
        if not self._failed:
            await self._send(message, payload)

    async def _send(self, message: ServerMessage, payload: bytes = b"") -> None:
        if isinstance(message, Error):
            metrics.errors_total.labels(self._service, message.code).inc()
        audio_s = message.duration_ms / 1000 if isinstance(message, AudioChunk) else 0.0
        await self._link.send(message.model_dump_json(exclude_none=True), payload, audio_s)
        await self._end_if_over()

    async def resume(
        self, socket: ClientSocket, last_seq: int, ready: Callable[[int], Ready]
    ) -> None:
        """Goes on over another socket: `ready`, then what followed message `last_seq`.

        Args:
            socket: Nothing has been sent on it.
            last_seq: Number of the last message that the client has.
            ready: Makes the `ready` of the connection, from `n_received`.

        Raises:
            ResumeExpired: The session is over, or more is missing than was kept.
            BadMessage: There is no such message.
        """

        def greeting(n_received: int) -> str:
            text = ready(n_received).model_dump_json(exclude_none=True)
            return f'{text[:-1]},"seq":{last_seq}}}'

        self._link.take_over(socket, last_seq, greeting)
        self.serializer.note_activity()
        await self._link.flush()
        await self._end_if_over()

    async def finish(self) -> None:
        """Ends the session once its client has everything."""
        await self._link.finish(NORMAL_CLOSURE)
        await self._end_if_over()

    async def close(self, code: int) -> None:
        """Ends the session now; the pipeline ends after it."""
        await self._link.close(code)
        await self.on_closed()

    async def fail(self, error: VoiceAgentError) -> None:
        """Tells the client that its session broke, once, and ends it; nothing comes after that.

        A client that is away, and comes back, is told `resume_expired`.
        """
        if self._failed or self.over:
            return
        self._failed = True
        if self.away_s:
            metrics.errors_total.labels(self._service, error.code).inc()
        else:
            await self._send(Error.of(error))
        await self.close(INTERNAL_ERROR)

    async def on_closed(self) -> None:
        """Tells once that the session is over, whoever ended it."""
        if not self._ended:
            self._ended = True
            try:
                await self.serializer.close()
            finally:  # whoever noticed may be cancelled; nobody notices twice
                await self._call_event_handler("on_client_disconnected", None)

    async def _end_if_over(self) -> None:
        if self._link.over:
            await self.on_closed()
