"""Answers a TTS client: speaks its requests in order, and tells about voices."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from loguru import logger
from pipecat.frames.frames import Frame, StartFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.registrations import Registrations
from voice_agent import metrics
from voice_agent.engines.base import Speaker
from voice_agent.engines.clauses import limits_of
from voice_agent.errors import VoiceAgentError
from voice_agent.frames import ClientMessageFrame, ServerMessageFrame
from voice_agent.settings import TtsSettings
from voice_agent.synthesis.chunks import EncodedChunk
from voice_agent.synthesis.requests import Requests, SpeechRequest
from voice_agent.synthesis.stream import synthesize
from voice_agent.synthesis.voices import listed
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.common import ClientMessage, Error, ServerMessage
from voice_agent.wire.tts import (
    AudioChunk,
    Cancel,
    DeleteVoice,
    Flush,
    ListVoices,
    RegisterVoice,
    SynthesisComplete,
    Synthesize,
    TextDelta,
    VoiceDeleted,
    Voices,
)


class Synthesis(FrameProcessor):
    """Pushes a `ServerMessageFrame` for everything that a TTS client is told.

    What a client can rely on:

    - A message that is refused gets one `error` at once, with its `request_id`, and has no
      other consequence: no `synthesis_complete` follows.
    - A request that was accepted (a `synthesize`, or the first `text` of an id) ends with
      exactly one `synthesis_complete`, whatever happens. If it was cancelled or failed,
      that says `cancelled`; a failure has its `error` before it.
    - `text` that would make a request too long is refused and not added; the request
      goes on. A text that has nothing to speak when it is flushed has failed.
    - Requests are spoken one after another. One whose text is not flushed keeps the others
      waiting until it is flushed or cancelled, or the session ends. One that is
      cancelled while it waits ends at once; others are not reordered.
    - A voice is made beside all this: `voice_registered`, or an `error`, comes when it is
      done, and other messages are answered meanwhile. A request keeps the voice that it
      began to speak in, also when that is deleted or replaced.
    - Cancelling what is not there, or all when there is nothing, is a `bad_message`; a
      request may end by itself while its `cancel` is under way.

    The next chunk is made when the client's socket has taken the last one, so a client
    that reads slowly slows the speaker and nothing else.

    Args:
        session_id: Who asks.
        speaker: The shared engine.
        voices: What it can speak in.
        service: Name for metrics.
        limits: Of requests.
    """

    def __init__(
        self,
        *,
        session_id: str,
        speaker: Speaker,
        voices: VoiceRegistry,
        service: str,
        limits: TtsSettings,
    ) -> None:
        super().__init__(name=f"Synthesis#{session_id}", enable_direct_mode=True)
        self._session_id = session_id
        self._speaker = speaker
        self._voices = voices
        self._requests = Requests(voices, limits, limits_of(speaker))
        self._registrations = Registrations(voices, self._push)
        self._audio_out_s = metrics.audio_out_s.labels(service)
        self._work = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._making: asyncio.Task[EncodedChunk | None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Handles the client's messages; passes everything else on."""
        await super().process_frame(frame, direction)
        match frame:
            case ClientMessageFrame(message=message):
                await self._answer(message)
                return
            case StartFrame():
                self._worker = self.create_task(self._speak_all())
            case _:
                pass
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Stops speaking, and takes the session's jobs out of the engine."""
        await super().cleanup()
        if self._worker is not None:
            await self.cancel_task(self._worker)
        await self._registrations.close()
        self._speaker.forget(self._session_id)

    async def _answer(self, message: ClientMessage) -> None:
        try:
            await self._handle(message)
        except VoiceAgentError as error:
            error.request_id = getattr(message, "request_id", None)
            await self._push(Error.of(error))

    async def _handle(self, message: ClientMessage) -> None:
        match message:
            case Synthesize():
                self._requests.synthesize(message)
            case TextDelta():
                self._requests.write(message)
            case Flush():
                self._requests.flush(message)
            case Cancel():
                await self._cancel(message.request_id)
            case ListVoices():
                await self._push(Voices(voices=listed(self._voices)))
            case RegisterVoice():
                self._registrations.begin(message)
            case DeleteVoice():
                await self._voices.remove(message.voice_id)
                await self._push(VoiceDeleted(voice_id=message.voice_id))
            case _:
                pass
        self._work.set()

    async def _cancel(self, request_id: str | None) -> None:
        spoken = self._requests.first
        cancelled = self._requests.cancel(request_id)
        waiting = [request for request in cancelled if request is not spoken]
        # all at once, before anything is sent: the worker would take one for its own
        for request in waiting:
            self._requests.remove(request)
        if spoken in cancelled and self._making is not None:
            self._making.cancel()
        for request in waiting:
            await self._complete(request, 0, 0.0)

    async def _speak_all(self) -> None:
        while True:
            request = self._requests.first
            if request is None:
                self._work.clear()
                await self._work.wait()
            else:
                await self._speak(request)

    async def _speak(self, request: SpeechRequest) -> None:
        began_s = time.monotonic()
        n_chunks, total_ms = 0, 0.0
        error: VoiceAgentError | None = None
        source = request.parts()
        chunks = synthesize(
            self._speaker,
            request.options,
            source,
            session_id=self._session_id,
            voices=self._voices,
        )
        try:
            async with aclosing(source), aclosing(chunks):
                while not request.cancelled and (chunk := await self._make(chunks)) is not None:
                    if n_chunks == 0:
                        due_s = max(began_s, request.speakable_s or began_s)
                        metrics.first_audio_s.observe(time.monotonic() - due_s)
                    await self._send(request, chunk)
                    n_chunks += 1
                    total_ms += chunk.duration_ms
        except VoiceAgentError as failure:
            error = failure
        except Exception:
            logger.exception("a synthesis failed")
            error = VoiceAgentError("the synthesis failed, please try again")
        self._requests.remove(request)
        if error is not None:
            request.failed = True
            error.request_id = request.request_id
            await self._push(Error.of(error))
        await self._complete(request, n_chunks, total_ms)

    async def _make(self, chunks: AsyncGenerator[EncodedChunk]) -> EncodedChunk | None:
        """The next chunk, or None when there is none or the request was cancelled.

        The chunk is made in a task of its own: a cancel stops that, and never the sending
        of a chunk half of which is on the wire.
        """
        self._making = making = asyncio.create_task(_next_of(chunks))
        try:
            await asyncio.wait([making])
        finally:
            self._making = None
            if not making.done():
                making.cancel()
                await asyncio.wait([making])
        return None if making.cancelled() else making.result()

    async def _send(self, request: SpeechRequest, chunk: EncodedChunk) -> None:
        message = AudioChunk(
            request_id=request.request_id,
            chunk_id=chunk.chunk_id,
            duration_ms=chunk.duration_ms,
            text_start=chunk.text_start,
            text_end=chunk.text_end,
        )
        self._audio_out_s.inc(chunk.duration_ms / 1000)
        await self.push_frame(ServerMessageFrame(message=message, payload=chunk.data))

    async def _complete(self, request: SpeechRequest, n_chunks: int, total_ms: float) -> None:
        await self._push(
            SynthesisComplete(
                request_id=request.request_id,
                total_duration_ms=total_ms,
                chunks_sent=n_chunks,
                cancelled=request.clipped,
            )
        )

    async def _push(self, message: ServerMessage) -> None:
        await self.push_frame(ServerMessageFrame(message=message))


async def _next_of(chunks: AsyncGenerator[EncodedChunk]) -> EncodedChunk | None:
    return await anext(chunks, None)
