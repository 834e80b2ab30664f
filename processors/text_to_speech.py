"""Speaks what the language model writes, from its first clause on."""

import asyncio
from collections.abc import AsyncIterator

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.engines.base import Speaker
from voice_agent.engines.clauses import Clause
from voice_agent.errors import BadMessage, TextTooLong, VoiceAgentError
from voice_agent.frames import ServerMessageFrame, SpokenAudioFrame
from voice_agent.synthesis.stream import synthesize
from voice_agent.synthesis.text import TextAssembler
from voice_agent.voices.library import VoiceLibrary
from voice_agent.wire.common import Error
from voice_agent.wire.tts import SynthesisOptions

ANSWER_SAMPLE_RATE_HZ = 24_000
# Clauses that the model may be ahead of the voice; when it is full, the model waits.
_MAX_CLAUSES = 64
# 25 tokens a second: chunks of 0.4 s keep an interruption and what was heard exact
_CHUNK_TOKENS = 10


class TextToSpeech(FrameProcessor):
    """Pushes `SpokenAudioFrame` for an answer, and `TTSStoppedFrame` after its last.

    An interruption stops the speaker within one step of the engine.

    Args:
        session_id: Whose answers they are.
        speaker: The shared engine.
        voice_id: The agent's voice.
        voices: Knows the registered ones; None if there can be none.
        max_chars: Longest answer that is spoken; the rest of a longer one is not.
    """

    def __init__(
        self,
        *,
        session_id: str,
        speaker: Speaker,
        voice_id: str,
        max_chars: int,
        voices: VoiceLibrary | None = None,
    ) -> None:
        super().__init__(name=f"TextToSpeech#{session_id}", enable_direct_mode=True)
        self._session_id = session_id
        self._speaker = speaker
        self._voices = voices
        self._max_chars = max_chars
        self._options = SynthesisOptions(
            voice_id=voice_id,
            chunk_size=_CHUNK_TOKENS,
            encoding="pcm_s16le",
            sample_rate=ANSWER_SAMPLE_RATE_HZ,
        )
        self._text = TextAssembler(max_chars)
        self._clauses: asyncio.Queue[Clause | None] = asyncio.Queue()
        self._speaking: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Feeds the voice; passes everything on."""
        await super().process_frame(frame, direction)
        match frame:
            case LLMFullResponseStartFrame():
                await self._stop()
                self._text = TextAssembler(self._max_chars)
                self._clauses = asyncio.Queue(_MAX_CLAUSES)
                self._speaking = self.create_task(self._speak(self._clauses))
            case InterruptionFrame():
                await self._stop()
            case _:
                pass
        await self.push_frame(frame, direction)
        match frame:
            case LLMTextFrame() if self._speaking is not None:
                await self._write(frame.text)
            case LLMFullResponseEndFrame() if self._speaking is not None:
                await self._finish()
            case _:
                pass

    async def cleanup(self) -> None:
        """Stops the voice."""
        await super().cleanup()
        await self._stop()

    async def _stop(self) -> None:
        speaking, self._speaking = self._speaking, None
        if speaking is not None and not speaking.done():
            await self.cancel_task(speaking)

    async def _write(self, delta: str) -> None:
        try:
            clauses = self._text.feed(delta)
        except TextTooLong:
            return
        for clause in clauses:
            await self._clauses.put(clause)

    async def _finish(self) -> None:
        try:
            for clause in self._text.flush():
                await self._clauses.put(clause)
        except BadMessage:
            pass  # nothing to say is an answer too
        await self._clauses.put(None)

    async def _speak(self, queue: "asyncio.Queue[Clause | None]") -> None:
        try:
            async for chunk in synthesize(
                self._speaker,
                self._options,
                _until_none(queue),
                session_id=self._session_id,
                voices=self._voices,
            ):
                await self.push_frame(
                    SpokenAudioFrame(
                        audio=chunk.data,
                        sample_rate=ANSWER_SAMPLE_RATE_HZ,
                        num_channels=1,
                        text_start=chunk.text_start,
                        text_end=chunk.text_end,
                    )
                )
        except VoiceAgentError as error:
            await self.push_frame(ServerMessageFrame(message=Error.of(error)))
            # the answer ends when its text does, and the model must not wait for the voice
            async for _ in _until_none(queue):
                pass
        await self.push_frame(TTSStoppedFrame())


async def _until_none(queue: "asyncio.Queue[Clause | None]") -> AsyncIterator[Clause]:
    while (clause := await queue.get()) is not None:
        yield clause
