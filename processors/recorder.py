"""Writes a conversation down, and records it, where that is asked for.

Pipecat's `AudioBufferProcessor` is not used: it holds the whole sound in memory until it is
given away, and the agent's side has what was sent, also what an interruption kept from being
heard.
"""

import asyncio
import contextlib

from loguru import logger
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.audio_input import AudioInput
from voice_agent.audio.pcm import float_to_int16, mono
from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.errors import TooLarge, VoiceAgentError
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    HoldFrame,
    PhraseAudioFrame,
    ServerMessageFrame,
    SpokenAudioFrame,
)
from voice_agent.records.session import SessionRecord, Sound
from voice_agent.records.wav import StereoFile
from voice_agent.wire.agent import Latency, TypedText
from voice_agent.wire.common import Error

# what is lost when the process is killed; 64 KB
_WRITE_EVERY_S = 1.0
# a disk that takes longer is not waited for
_WRITE_WITHIN_S = 5.0


class CallerRecorder(FrameProcessor):
    """Stands behind the transport's input: the caller's audio, before anything is made of it.

    Notes the errors that come back this way, too.

    Args:
        record: Of the session.
    """

    def __init__(self, record: SessionRecord) -> None:
        super().__init__(enable_direct_mode=True)
        self._record = record
        self._audio = AudioInput()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Notes audio; passes everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            sound, samples = self._record.sound, self._audio.samples(frame)
            if sound is None:
                self._record.clock.hear(len(samples))
            else:
                sound.mix.hear(samples)
        elif isinstance(frame, ErrorFrame) and isinstance(frame.exception, VoiceAgentError):
            self._record.transcript.error(frame.exception.code)
        await self.push_frame(frame, direction)


class AgentRecorder(FrameProcessor):
    """Stands before the transport's output: all that is said, and what becomes of it.

    Writes the sound as it goes, beside the event loop. When that fails, the conversation and
    its transcript go on without.

    Args:
        record: Of the session.
    """

    def __init__(self, record: SessionRecord) -> None:
        super().__init__(enable_direct_mode=True)
        self._record = record
        self._transcript = record.transcript
        self._resampler: Resampler | None = None
        self._rate_hz = 0
        self._writing: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Notes what is said; passes everything on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            self._note(frame)
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Writes what is left."""
        await super().cleanup()
        self._over.set()
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=_WRITE_WITHIN_S)
            if not self._writing.done():
                logger.error("the end of a recording could not be written")
                await self.cancel_task(self._writing)

    def _note(self, frame: Frame) -> None:
        match frame:
            case StartFrame():
                self._begin()
            case OutputAudioRawFrame():
                self._hear(frame)
            case TTSStoppedFrame():
                self._end_piece()
            case InterruptionFrame() | HoldFrame():
                self._clear()
            case FinalFrame():
                self._transcript.spoken(
                    frame.text,
                    frame.start_s,
                    frame.end_s,
                    language=frame.spoken_language,
                    confidence=frame.confidence,
                    words=frame.words,
                )
            case ClientMessageFrame(message=TypedText() as typed):
                self._transcript.typed(typed.text)
            case _:
                self._note_answer(frame)

    def _begin(self) -> None:
        sound = self._record.sound
        if sound is not None and self._writing is None:
            self._writing = self.create_task(self._keep_writing(sound))

    def _note_answer(self, frame: Frame) -> None:
        match frame:
            case AnswerStartFrame():
                self._end_piece()
                self._transcript.answer_begins(frame.turn)
            case LLMTextFrame():
                self._transcript.writes(frame.text)
            case AnswerEndFrame():
                self._transcript.answer_ends(
                    frame.turn, frame.heard_text, interrupted=frame.interrupted
                )
            case ServerMessageFrame(message=Latency() as latency):
                self._transcript.takes(latency.turn, latency.stages)
            case ServerMessageFrame(message=Error() as error):
                self._transcript.error(error.code)
            case _:
                pass

    def _hear(self, frame: OutputAudioRawFrame) -> None:
        if isinstance(frame, PhraseAudioFrame):
            self._transcript.phrase(frame.words)
        elif isinstance(frame, SpokenAudioFrame):
            self._transcript.speaks()
        sound = self._record.sound
        if sound is None:
            return
        if self._resampler is None or frame.sample_rate != self._rate_hz:
            self._end_piece()
            self._rate_hz = frame.sample_rate
            self._resampler = Resampler(frame.sample_rate, ASR_SAMPLE_RATE_HZ)
        samples = mono(frame.audio, frame.num_channels)
        sound.mix.speak(float_to_int16(self._resampler.push(samples)))

    def _end_piece(self) -> None:
        resampler, self._resampler = self._resampler, None
        if resampler is not None and self._record.sound is not None:
            self._record.sound.mix.speak(float_to_int16(resampler.drain()))

    def _clear(self) -> None:
        self._resampler = None
        if self._record.sound is not None:
            self._record.sound.mix.clear()

    async def _keep_writing(self, sound: Sound) -> None:
        """Writes until the session is over, and then the rest."""
        file: StereoFile | None = None
        try:
            file = await asyncio.to_thread(StereoFile, sound.path, ASR_SAMPLE_RATE_HZ)
            over = False
            while not over:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_WRITE_EVERY_S):
                        over = await self._over.wait()
                await asyncio.to_thread(file.write, sound.mix.take())
        except (OSError, TooLarge) as error:
            logger.error("the sound cannot be recorded any more: {}", type(error).__name__)
            self._record.no_sound()
        finally:
            if file is not None:
                file.close()
