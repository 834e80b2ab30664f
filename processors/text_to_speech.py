"""Speaks what the language model writes, from its first clause on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.text.base_text_aggregator import TextType

from voice_agent.engines.base import Speaker, new_session_id
from voice_agent.engines.clauses import limits_of
from voice_agent.errors import BadMessage, TextTooLong, VoiceAgentError
from voice_agent.frames import SpokenAudioFrame
from voice_agent.synthesis.chunks import EncodedChunk
from voice_agent.synthesis.prompt_cache import ANSWER_SAMPLE_RATE_HZ, answer_options
from voice_agent.synthesis.requests import HOLD_S, language_of
from voice_agent.synthesis.stream import synthesize
from voice_agent.synthesis.text import TextAssembler
from voice_agent.synthesis.text_normalization.normalized_text import NormalizedText
from voice_agent.voices.registry import VoiceRegistry

# Parts that the model may be ahead of the voice; when it is full, the model waits.
_MAX_PARTS = 64


@dataclass(slots=True, eq=False)
class _Utterance:
    """What is spoken in one go.

    Attributes:
        text: Makes parts of what is written.
        ending: Pushed behind the last audio, before `TTSStoppedFrame`.
        append_to_context: Whether a stock aggregator should remember it.
        parts: Not spoken yet; None behind the last.
        written: All of the text so far.
        shown: How much of it went out as `TTSTextFrame`.
        task: Speaks.
    """

    text: TextAssembler
    ending: Frame | None = None
    append_to_context: bool = True
    parts: "asyncio.Queue[NormalizedText | None]" = field(
        default_factory=lambda: asyncio.Queue(_MAX_PARTS)
    )
    written: str = ""
    shown: int = 0
    complete: bool = False
    task: "asyncio.Task[None] | None" = None


class TextToSpeech(FrameProcessor):
    """Speaks a language model's response, and every `TTSSpeakFrame`, in order.

    For each it pushes `TTSStartedFrame`, `SpokenAudioFrame` with the `TTSTextFrame` of what is
    heard in it before it, what ended it (`LLMFullResponseEndFrame`), and `TTSStoppedFrame`. The
    text itself goes on at once, marked as not for a context: what is heard is for that. An
    interruption stops the speaker within one step of the engine. What cannot be spoken is an
    `ErrorFrame`, and ends as if it had been.

    Args:
        speaker: The shared engine, loaded.
        voice_id: Who speaks.
        voices: Knows the registered ones; None if there can be none.
        max_chars: Longest response that is spoken; the rest of a longer one is not.
        speakable: Numbers, markup and the like are put into words.
        session_id: Who speaks; by default a new one.
    """

    def __init__(
        self,
        speaker: Speaker,
        *,
        voice_id: str = "default",
        voices: VoiceRegistry | None = None,
        max_chars: int = 5000,
        speakable: bool = True,
        session_id: str = "",
    ) -> None:
        self._session_id = session_id or new_session_id()
        super().__init__(name=f"TextToSpeech#{self._session_id}", enable_direct_mode=True)
        self._speaker = speaker
        self._voices = voices
        self._max_chars = max_chars
        self._options = answer_options(voice_id)
        self._speakable = speakable
        self._utterance: _Utterance | None = None  # the last one
        self._holding: asyncio.TimerHandle | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Feeds the voice; passes everything on but for what it was asked to say."""
        await super().process_frame(frame, direction)
        match frame:
            case LLMFullResponseStartFrame():
                await self._begin()
            case LLMFullResponseEndFrame() if self._open is not None:
                await self._finish(self._open, frame)
                return
            case LLMTextFrame():
                frame.append_to_context = False
            case TTSSpeakFrame():
                await self._say(frame)
                return
            case InterruptionFrame():
                await self._stop()
            case _:
                pass
        await self.push_frame(frame, direction)
        if isinstance(frame, LLMTextFrame) and self._open is not None and not frame.skip_tts:
            await self._write(self._open, frame.text)

    async def cleanup(self) -> None:
        """Stops the voice."""
        await super().cleanup()
        await self._stop()
        self._speaker.forget(self._session_id)

    @property
    def _open(self) -> _Utterance | None:
        """The response that is being written."""
        return None if self._utterance is None or self._utterance.complete else self._utterance

    async def _begin(self, *, append_to_context: bool = True) -> _Utterance:
        """Opens an utterance, behind those whose text is complete."""
        if self._open is not None:
            await self._stop()
        before = self._utterance.task if self._utterance else None
        utterance = self._utterance = _Utterance(
            TextAssembler(
                self._max_chars,
                language_of(self._options, self._voices) if self._voices else "en",
                rewrite=self._speakable,
                limits=limits_of(self._speaker),
            ),
            append_to_context=append_to_context,
        )
        utterance.task = self.create_task(self._speak(utterance, before))
        return utterance

    async def _stop(self) -> None:
        self._hold(None)
        utterance, self._utterance = self._utterance, None
        if utterance is not None and utterance.task is not None and not utterance.task.done():
            await self.cancel_task(utterance.task)

    async def _say(self, frame: TTSSpeakFrame) -> None:
        if self._open is not None:  # in the middle of a response: a part of it
            await self._write(self._open, f" {frame.text} ")
            return
        utterance = await self._begin(append_to_context=frame.append_to_context)
        await self._write(utterance, frame.text)
        ending = LLMAssistantPushAggregationFrame() if frame.append_to_context else None
        await self._finish(utterance, ending)

    async def _write(self, utterance: _Utterance, delta: str) -> None:
        self._hold(None)
        try:
            parts = utterance.text.feed(delta)
        except TextTooLong:
            return
        utterance.written += delta
        for part in parts:
            await utterance.parts.put(part)
        self._hold(utterance if utterance.text.waiting else None)

    async def _finish(self, utterance: _Utterance, ending: Frame | None) -> None:
        self._hold(None)
        utterance.complete, utterance.ending = True, ending
        try:
            for part in utterance.text.flush():
                await utterance.parts.put(part)
        except BadMessage:
            pass  # nothing to say is an answer too
        await utterance.parts.put(None)

    def _hold(self, utterance: _Utterance | None) -> None:
        """Lets what is too short wait for more text, but not for long."""
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None
        if utterance is not None:
            loop = asyncio.get_running_loop()
            self._holding = loop.call_later(HOLD_S, self._release, utterance)

    @staticmethod
    def _release(utterance: _Utterance) -> None:
        # a full queue has enough to speak: it can wait longer
        if not utterance.parts.full():
            for part in utterance.text.release():
                utterance.parts.put_nowait(part)

    async def _speak(self, utterance: _Utterance, before: "asyncio.Task[None] | None") -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
            await self._speak_parts(utterance)
        except asyncio.CancelledError:
            if before is not None and not before.done():
                before.cancel()
                await asyncio.wait([before])
            raise

    async def _speak_parts(self, utterance: _Utterance) -> None:
        await self.push_frame(TTSStartedFrame(append_to_context=utterance.append_to_context))
        try:
            async for chunk in synthesize(
                self._speaker,
                self._options,
                _until_none(utterance.parts),
                session_id=self._session_id,
                voices=self._voices,
            ):
                await self._push_chunk(utterance, chunk)
            await self._show(utterance, len(utterance.written))
        except VoiceAgentError as error:
            await self.push_error(error.message, exception=error)
            # the answer ends when its text does, and the model must not wait for the voice
            async for _ in _until_none(utterance.parts):
                pass
        if utterance.ending is not None:
            await self.push_frame(utterance.ending)
        await self.push_frame(TTSStoppedFrame())

    async def _show(self, utterance: _Utterance, text_end: int) -> None:
        """Tells what is heard up to there, in whole words."""
        if text_end < len(utterance.written):
            text_end = utterance.written.rfind(" ", 0, text_end + 1) + 1
        if text_end > utterance.shown:
            shown = utterance.written[utterance.shown : text_end]
            text = TTSTextFrame(shown, text_type=TextType.WORD)
            text.includes_inter_frame_spaces = True
            text.append_to_context = utterance.append_to_context
            utterance.shown = text_end
            await self.push_frame(text)

    async def _push_chunk(self, utterance: _Utterance, chunk: EncodedChunk) -> None:
        await self._show(utterance, chunk.text_end)
        await self.push_frame(
            SpokenAudioFrame(
                audio=chunk.data,
                sample_rate=ANSWER_SAMPLE_RATE_HZ,
                num_channels=1,
                text_start=chunk.text_start,
                text_end=chunk.text_end,
            )
        )


async def _until_none(
    queue: "asyncio.Queue[NormalizedText | None]",
) -> AsyncIterator[NormalizedText]:
    while (part := await queue.get()) is not None:
        yield part
