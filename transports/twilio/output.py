"""What goes to the telephone: paced µ-law, marks, and `clear`."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from transports.twilio.playout import Playout
from transports.twilio.socket import CallSocket
from voice_agent.audio.g711 import mulaw_encode
from voice_agent.audio.pcm import float_to_int16, mono
from voice_agent.audio.resample import Resampler
from voice_agent.frames import AnswerStartFrame, HoldFrame, ResumeFrame, ServerMessageFrame
from voice_agent.wire.common import ServerMessage
from voice_agent.wire.twilio import (
    SAMPLE_RATE_HZ,
    clear_message,
    mark_message,
    media_message,
)


class CallOutput(FrameProcessor):
    """Queues audio of any rate and sends it in time, with a mark after each piece.

    An `InterruptionFrame` or `HoldFrame` empties the queue and sends `clear`; nothing of what
    was queued follows that.

    Args:
        socket: Written only from here.
        stream_sid: In every message.
        playout: The queue.
        on_message: Gets what clients of the wire protocol are told.
    """

    def __init__(
        self,
        socket: CallSocket,
        stream_sid: str,
        playout: Playout,
        *,
        on_message: Callable[[ServerMessage], Awaitable[None]],
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._socket = socket
        self._stream_sid = stream_sid
        self._playout = playout
        self._on_message = on_message
        self._resampler: Resampler | None = None
        self._rate_hz = 0
        self._answering = False
        self._news = asyncio.Event()
        # what is due is taken and sent in one piece, so that nothing follows a `clear`
        self._writing = asyncio.Lock()
        self._playing: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Queues what can be heard; passes everything on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            await self._take(frame)
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Stops sending."""
        await super().cleanup()
        if self._playing is not None and not self._playing.done():
            await self.cancel_task(self._playing)

    async def _take(self, frame: Frame) -> None:
        match frame:
            case StartFrame() if self._playing is None:
                self._playing = self.create_task(self._play())
            case AnswerStartFrame():
                self._end_piece()
                self._playout.begin()
                self._answering = True
            case OutputAudioRawFrame():
                self._add(frame)
            case TTSStoppedFrame():
                self._end_piece()
            case InterruptionFrame() | HoldFrame():
                await self._clear()
            case ServerMessageFrame(message=message):
                await self._on_message(message)
            case ResumeFrame():
                self._playout.go_on(frame.played_s)
            case _:
                pass

    def _add(self, frame: OutputAudioRawFrame) -> None:
        if self._resampler is None or frame.sample_rate != self._rate_hz:
            self._end_piece()
            self._rate_hz = frame.sample_rate
            self._resampler = Resampler(frame.sample_rate, SAMPLE_RATE_HZ)
        samples = mono(frame.audio, frame.num_channels)
        self._playout.add(mulaw_encode(float_to_int16(self._resampler.push(samples))))
        if self._answering:
            self._playout.mark()
        self._news.set()

    def _end_piece(self) -> None:
        """Lets out what the resampler holds back; audio that follows has no part in it."""
        resampler, self._resampler = self._resampler, None
        if resampler is not None:
            self._playout.add(mulaw_encode(float_to_int16(resampler.drain())))
            self._playout.finish()
            if self._answering:
                self._playout.mark()
            self._news.set()

    async def _clear(self) -> None:
        async with self._writing:
            self._resampler = None
            if self._playout.clear():
                await self._socket.send(clear_message(self._stream_sid))

    async def _play(self) -> None:
        """Sends what is due, until the pipeline ends."""
        while True:
            self._news.clear()
            await self._send_due()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._playout.wait_s()):
                    await self._news.wait()

    async def _send_due(self) -> None:
        while True:
            async with self._writing:
                item = self._playout.take()
                if item is None:
                    return
                if isinstance(item, str):
                    await self._socket.send(mark_message(self._stream_sid, item))
                else:
                    await self._socket.send(media_message(self._stream_sid, item))
