"""A telephone call as a Pipecat transport."""

import time
from collections.abc import Callable

from fastapi import WebSocket
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_transport import BaseTransport

from transports.twilio.input import CallInput
from transports.twilio.output import CallOutput
from transports.twilio.playout import Playout
from transports.twilio.socket import CallSocket
from voice_agent import metrics
from voice_agent.errors import VoiceAgentError
from voice_agent.wire.common import Error, ServerMessage
from voice_agent.wire.twilio import Start

NORMAL_CLOSURE = 1000
INTERNAL_ERROR = 1011


class CallTransport(BaseTransport):
    """One call on a Media Stream whose `start` has been read and checked.

    Input and output run in direct mode, as those of the wire do: what comes in is carried
    through the pipeline in the task that received it, so a pipeline that is slow slows the
    socket. What goes out is queued (a bounded queue) and paced by a task of the output.

    Args:
        websocket: Accepted.
        start: Which call it is.
        service: Name for metrics.
        gather_ms: Length of the audio frames that enter the pipeline.
        send_timeout_s: A peer that reads nothing for this long is dropped.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        websocket: WebSocket,
        start: Start,
        *,
        service: str,
        gather_ms: int,
        send_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._service = service
        self._socket = CallSocket(websocket, send_timeout_s=send_timeout_s)
        playout = Playout(clock)
        self._output = CallOutput(self._socket, start.stream_sid, playout, on_message=self.send)
        self._input = CallInput(
            self._socket,
            start.stream_sid,
            playout,
            service=service,
            gather_ms=gather_ms,
            on_end=self.close,
        )
        self._over = False
        self._register_event_handler("on_client_disconnected")

    def input(self) -> FrameProcessor:
        """The caller's audio, keys, and what the caller has heard."""
        return self._input

    def output(self) -> FrameProcessor:
        """What the caller hears."""
        return self._output

    @property
    def silent_s(self) -> float:
        """Seconds since anything came from Twilio."""
        return self._socket.silent_s

    @property
    def close_code(self) -> int | None:
        """What we closed the stream with; None if it was broken off."""
        return self._socket.close_code

    async def send(self, message: ServerMessage) -> None:
        """Counts errors: Twilio understands no messages of ours."""
        if isinstance(message, Error):
            metrics.errors_total.labels(self._service, message.code).inc()

    async def fail(self, error: VoiceAgentError) -> None:
        """Ends the call because its session broke."""
        if not self._over:
            await self.send(Error.of(error))
            await self.close(INTERNAL_ERROR)

    async def close(self, code: int = NORMAL_CLOSURE) -> None:
        """Ends the stream, and with it the call; its pipeline ends after it."""
        try:
            await self._socket.close(code)
        finally:
            if not self._over:
                self._over = True
                await self._call_event_handler("on_client_disconnected", None)
