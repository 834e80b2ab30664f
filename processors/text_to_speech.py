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
from voice_agent.engines.clauses import limits_of
from voice_agent.errors import BadMessage, TextTooLong, VoiceAgentError
from voice_agent.frames import ServerMessageFrame, SpokenAudioFrame
from voice_agent.synthesis.phrases import ANSWER_SAMPLE_RATE_HZ, answer_options
from voice_agent.synthesis.requests import HOLD_S, language_of
from voice_agent.synthesis.speakable.spoken import Spoken
from voice_agent.synthesis.stream import synthesize
from voice_agent.synthesis.text import TextAssembler
from voice_agent.voices.library import VoiceLibrary
from voice_agent.wire.common import Error

# Parts that the model may be ahead of the voice; when it is full, the model waits.
_MAX_PARTS = 64


class TextToSpeech(FrameProcessor):
    """Pushes `SpokenAudioFrame` for an answer, and `TTSStoppedFrame` after its last.

    An interruption stops the speaker within one step of the engine.

    Args:
        session_id: Whose answers they are.
        speaker: The shared engine.
        voice_id: The agent's voice.
        voices: Knows the registered ones; None if there can be none.
        max_chars: Longest answer that is spoken; the rest of a longer one is not.
        speakable: Numbers, markup and the like are put into words.
    """

    def __init__(
        self,
        *,
        session_id: str,
        speaker: Speaker,
        voice_id: str,
        max_chars: int,
        voices: VoiceLibrary | None = None,
        speakable: bool = True,
    ) -> None:
        super().__init__(name=f"TextToSpeech#{session_id}", enable_direct_mode=True)
        self._session_id = session_id
        self._speaker = speaker
        self._voices = voices
        self._max_chars = max_chars
        self._options = answer_options(voice_id)
        self._speakable = speakable
        self._text = self._new_text()
        self._parts: asyncio.Queue[Spoken | None] = asyncio.Queue()
        self._holding: asyncio.TimerHandle | None = None
        self._speaking: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Feeds the voice; passes everything on."""
        await super().process_frame(frame, direction)
        match frame:
            case LLMFullResponseStartFrame():
                await self._stop()
                self._text = self._new_text()
                self._parts = asyncio.Queue(_MAX_PARTS)
                self._speaking = self.create_task(self._speak(self._parts))
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

    def _new_text(self) -> TextAssembler:
        return TextAssembler(
            self._max_chars,
            language_of(self._options, self._voices) if self._voices else "en",
            rewrite=self._speakable,
            limits=limits_of(self._speaker),
        )

    async def _stop(self) -> None:
        self._hold(on=False)
        speaking, self._speaking = self._speaking, None
        if speaking is not None and not speaking.done():
            await self.cancel_task(speaking)

    async def _write(self, delta: str) -> None:
        self._hold(on=False)
        try:
            parts = self._text.feed(delta)
        except TextTooLong:
            return
        for part in parts:
            await self._parts.put(part)
        self._hold(on=self._text.waiting)

    async def _finish(self) -> None:
        self._hold(on=False)
        try:
            for part in self._text.flush():
                await self._parts.put(part)
        except BadMessage:
            pass  # nothing to say is an answer too
        await self._parts.put(None)

    def _hold(self, *, on: bool) -> None:
        """Lets what is too short wait for more text, but not for long."""
        if self._holding is not None:
            self._holding.cancel()
        loop = asyncio.get_running_loop()
        self._holding = loop.call_later(HOLD_S, self._release) if on else None

    def _release(self) -> None:
        # a full queue has enough to speak: it can wait longer
        if not self._parts.full():
            for part in self._text.release():
                self._parts.put_nowait(part)

    async def _speak(self, queue: "asyncio.Queue[Spoken | None]") -> None:
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


async def _until_none(queue: "asyncio.Queue[Spoken | None]") -> AsyncIterator[Spoken]:
    while (part := await queue.get()) is not None:
        yield part
