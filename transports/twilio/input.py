"""What comes from the telephone: audio, keys, marks, the end."""

import asyncio
from collections.abc import Awaitable, Callable

from pipecat.frames.frames import Frame, InputAudioRawFrame, StartFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from transports.twilio.depacketizer import Depacketizer
from transports.twilio.playout import Playout
from transports.twilio.socket import CallSocket
from voice_agent import metrics
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.frames import ClientMessageFrame, KeyFrame
from voice_agent.wire.agent import Playback
from voice_agent.wire.twilio import (
    MAX_MESSAGE_CHARS,
    BadTwilioMessage,
    Connected,
    Dtmf,
    Mark,
    Media,
    Start,
    Stop,
    TwilioMessage,
    read_message,
)

_NORMAL_CLOSURE = 1000
_POLICY_VIOLATION = 1008
_TOO_LARGE = 1009


class CallInput(FrameProcessor):
    """Reads the stream; pushes audio, `KeyFrame`, and reports of what was heard.

    A message that cannot be used is counted and skipped. The stream ends after `stop`
    (close code 1000), a second `start` (1008) and a message over 64 KiB (1009).

    Args:
        socket: The only reader is here.
        stream_sid: Messages of other streams are skipped.
        playout: Knows what a mark means.
        service: Name for metrics.
        gather_ms: Length of audio frames.
        on_end: Called with a close code when the stream is over.
    """

    def __init__(
        self,
        socket: CallSocket,
        stream_sid: str,
        playout: Playout,
        *,
        service: str,
        gather_ms: int,
        on_end: Callable[[int], Awaitable[None]],
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._socket = socket
        self._stream_sid = stream_sid
        self._playout = playout
        self._audio = Depacketizer(gather_ms=gather_ms)
        self._audio_in_s = metrics.audio_in_s.labels(service)
        self._on_end = on_end
        self._reading: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Begins to read once the pipeline has started."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame) and self._reading is None:
            self._reading = self.create_task(self._read())

    async def cleanup(self) -> None:
        """Ends the stream, if it has not ended."""
        await super().cleanup()
        if self._reading is not None and not self._reading.done():
            await self.cancel_task(self._reading)
        await self._socket.close(_NORMAL_CLOSURE)

    async def _read(self) -> None:
        try:
            code = await self._until_over()
        finally:
            metrics.call_gaps_total.inc(self._audio.n_gaps)
            metrics.call_filled_s.inc(self._audio.filled_s)
        await self._on_end(code)

    async def _until_over(self) -> int:
        """Carries messages into the pipeline; returns the code to close with."""
        async for data in self._socket.messages():
            if len(data) > MAX_MESSAGE_CHARS:
                return _TOO_LARGE
            try:
                message = read_message(data)
            except BadTwilioMessage as error:
                _skip(error.reason)
                continue
            if isinstance(message, Start):
                return _POLICY_VIOLATION
            if isinstance(message, Connected):
                _skip("again")
            elif message.stream_sid != self._stream_sid:
                _skip("stream")
            elif isinstance(message, Stop):
                return _NORMAL_CLOSURE
            else:
                await self._take(message)
        return _NORMAL_CLOSURE

    async def _take(self, message: TwilioMessage) -> None:
        match message:
            case Media():
                await self._hear(message)
            case Mark():
                self._audio.note(message.sequence)
                await self._returned(message.name)
            case Dtmf():
                self._audio.note(message.sequence)
                await self.push_frame(KeyFrame(digit=message.digit))
            case _:
                pass

    async def _hear(self, media: Media) -> None:
        samples = self._audio.push(media)
        if samples is not None:
            self._audio_in_s.inc(len(samples) / ASR_SAMPLE_RATE_HZ)
            frame = InputAudioRawFrame(samples.tobytes(), ASR_SAMPLE_RATE_HZ, 1)
            await self.push_frame(frame)

    async def _returned(self, name: str) -> None:
        outcome, played_s = self._playout.returned(name)
        metrics.call_marks_total.labels(outcome).inc()
        if played_s is not None:
            report = Playback(type="playback", played_ms=played_s * 1000)
            await self.push_frame(ClientMessageFrame(message=report))


def _skip(reason: str) -> None:
    metrics.call_messages_skipped_total.labels(reason).inc()
