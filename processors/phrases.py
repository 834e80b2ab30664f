"""Plays phrases that are kept as audio, without a language model and without a voice."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from loguru import logger
from pipecat.frames.frames import Frame, InterruptionFrame, LLMTextFrame, TTSStoppedFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.errors import VoiceAgentError
from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerEndFrame,
    AnswerStartFrame,
    PhraseAudioFrame,
    PhraseFrame,
    SayFrame,
    SpokenAudioFrame,
)
from voice_agent.synthesis.chunks import EncodedChunk
from voice_agent.synthesis.prompt_cache import ANSWER_SAMPLE_RATE_HZ, PromptCache

FILLER = "filler"
# more than these are not waited for: who asks for so many has lost count
_MAX_DUE = 4
_LOOK_AT_LEAST_S = 0.02
_LOOK_AT_MOST_S = 0.2


class PhrasePlayer(FrameProcessor):
    """Stands between the voice and `PlaybackTracker`; plays what `PhraseFrame` and `SayFrame` ask.

    A phrase in an answer is heard once nothing is left to hear of what was sent, or when the
    answer is at its end. Outside of an answer it goes upstream, to the conversation, which
    begins one.

    Args:
        session_id: Who hears them.
        book: The phrases.
        ahead_s: Seconds of audio that were sent and are not heard yet.
    """

    def __init__(self, *, session_id: str, book: PromptCache, ahead_s: Callable[[], float]) -> None:
        super().__init__(name=f"PhrasePlayer#{session_id}", enable_direct_mode=True)
        self._session_id = session_id
        self._book = book
        self._ahead_s = ahead_s
        self._answering = False
        self._continues = False  # an answer to a question follows what is said
        self._complete = False  # all of the answer was sent, and it ends when that was heard
        self._text_end = 0  # how far the answer's text is in its audio
        self._due: deque[PhraseFrame | SayFrame] = deque()
        self._ending = False  # what is due is not put off any longer
        self._playing: asyncio.Task[None] | None = None
        # a phrase is not torn apart by the answer's audio
        self._speaking = asyncio.Lock()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Takes phrases; passes everything else on, the answer's audio after a phrase's."""
        await super().process_frame(frame, direction)
        match frame:
            case PhraseFrame() if not self._answering:
                await self.push_frame(frame, FrameDirection.UPSTREAM)
            case PhraseFrame() | SayFrame():
                self._take(frame)
            case SpokenAudioFrame():
                self._drop_fillers()
                async with self._speaking:
                    self._text_end = frame.text_end
                    await self.push_frame(frame, direction)
            case _:
                await self._follow(frame)
                await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Stops a phrase."""
        await super().cleanup()
        await self._stop()

    async def _follow(self, frame: Frame) -> None:
        match frame:
            case AnswerStartFrame():
                await self._stop()
                self._answering, self._text_end = True, 0
                self._continues = self._complete = False
            case AnswerContinuesFrame():
                self._continues, self._complete = True, False
            case AnswerEndFrame():
                self._answering = False
            case TTSStoppedFrame():
                await self._play_out()
                self._complete = True
            case InterruptionFrame():
                await self._stop()
            case _:
                pass

    def _take(self, frame: PhraseFrame | SayFrame) -> None:
        if len(self._due) >= _MAX_DUE:
            return
        self._due.append(frame)
        if self._playing is None or self._playing.done():
            self._playing = self.create_task(self._play())

    def _drop_fillers(self) -> None:
        self._due = deque(due for due in self._due if not _is_filler(due))

    async def _stop(self) -> None:
        self._due.clear()
        playing, self._playing = self._playing, None
        if playing is not None and not playing.done():
            await self.cancel_task(playing)

    async def _play_out(self) -> None:
        """Says what is due before the answer ends."""
        self._drop_fillers()
        if self._playing is not None and not self._playing.done():
            self._ending = True
            try:
                await asyncio.wait([self._playing])
            finally:
                self._ending = False

    async def _play(self) -> None:
        while self._due:
            await self._until_quiet()
            async with self._speaking:
                if self._due:
                    await self._say_or_begin(self._due.popleft())

    async def _say_or_begin(self, frame: PhraseFrame | SayFrame) -> None:
        if self._answering or isinstance(frame, SayFrame):
            await self._say(frame)
        else:  # the answer ended while it was waited for
            await self.push_frame(frame, FrameDirection.UPSTREAM)

    async def _until_quiet(self) -> None:
        # what is ahead may grow and shrink meanwhile, and nobody announces that
        while self._due and self._must_wait():  # noqa: ASYNC110
            await asyncio.sleep(min(max(self._ahead_s(), _LOOK_AT_LEAST_S), _LOOK_AT_MOST_S))

    def _must_wait(self) -> bool:
        ends_soon = self._answering and self._complete
        return not self._ending and (ends_soon or self._ahead_s() > 0)

    async def _say(self, frame: PhraseFrame | SayFrame) -> None:
        told = isinstance(frame, SayFrame) and frame.told
        text = frame.text or self._book.text(frame.phrase if isinstance(frame, PhraseFrame) else "")
        if text:
            if told:
                await self.push_frame(LLMTextFrame(text))
            try:
                await self._speak(text, told=told)
            except VoiceAgentError as error:
                logger.warning("a phrase could not be said: {}", error.message)
        if isinstance(frame, SayFrame) and not self._continues:
            self._complete = True
            await self.push_frame(TTSStoppedFrame())

    async def _speak(self, text: str, *, told: bool) -> None:
        chunks: AsyncGenerator[EncodedChunk] = self._book.spoken(text, session_id=self._session_id)
        async with aclosing(chunks):
            async for chunk in chunks:
                await self.push_frame(self._told(chunk) if told else self._untold(chunk, text))

    @staticmethod
    def _told(chunk: EncodedChunk) -> SpokenAudioFrame:
        return SpokenAudioFrame(
            audio=chunk.data,
            sample_rate=ANSWER_SAMPLE_RATE_HZ,
            num_channels=1,
            text_start=chunk.text_start,
            text_end=chunk.text_end,
        )

    def _untold(self, chunk: EncodedChunk, text: str) -> PhraseAudioFrame:
        return PhraseAudioFrame(
            audio=chunk.data,
            sample_rate=ANSWER_SAMPLE_RATE_HZ,
            num_channels=1,
            text_start=self._text_end,
            text_end=self._text_end,
            words="" if chunk.chunk_id else text,
        )


def _is_filler(frame: PhraseFrame | SayFrame) -> bool:
    return isinstance(frame, PhraseFrame) and frame.phrase == FILLER
