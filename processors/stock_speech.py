"""What a stock TTS service says, as `TextToSpeech` would."""

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import SpokenAudioFrame


class StockSpeech(FrameProcessor):
    """Stands behind a stock TTS service.

    Its `TTSTextFrame` becomes the answer's `LLMTextFrame`, and its audio `SpokenAudioFrame` that
    says which of that is heard in it: of a service with word times within a frame, of others
    within a sentence. One `TTSStoppedFrame` ends a response, however many sentences it had.
    """

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self._text = ""
        self._heard = 0  # characters that audio was given for
        # the last audio, which may turn out to be the last of its text
        self._audio: SpokenAudioFrame | None = None
        self._speaking = False
        self._written = True  # the response has all its text

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Translates what the service pushes; passes all else on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM and await self._translate(frame):
            return
        await self.push_frame(frame, direction)

    async def _translate(self, frame: Frame) -> bool:
        """Whether the frame has been dealt with."""
        match frame:
            case LLMFullResponseStartFrame():
                self._text, self._heard, self._audio, self._written = "", 0, None, False
            case LLMFullResponseEndFrame():
                self._written = True
                await self._stop_if_over()
            case InterruptionFrame():
                self._audio, self._speaking, self._written = None, False, True
            case TTSStartedFrame():
                self._speaking = True
            case TTSTextFrame():
                await self._add(frame)
                return True
            case LLMTextFrame():
                return True  # it comes again as it is spoken
            case TTSAudioRawFrame():
                await self._flush()
                self._audio = SpokenAudioFrame(
                    frame.audio,
                    frame.sample_rate,
                    frame.num_channels,
                    text_start=self._heard,
                    text_end=len(self._text),
                )
                self._heard = len(self._text)
                return True
            case TTSStoppedFrame():
                self._speaking = False
                await self._flush(text_end=len(self._text))
                await self._stop_if_over()
                return True
            case _:
                pass
        return False

    async def _add(self, frame: TTSTextFrame) -> None:
        spaced = frame.includes_inter_frame_spaces or not self._text
        text = frame.text if spaced else f" {frame.text}"
        self._text += text
        await self.push_frame(LLMTextFrame(text))

    async def _flush(self, text_end: int | None = None) -> None:
        if self._audio is not None:
            audio, self._audio = self._audio, None
            if text_end is not None:
                audio.text_end = self._heard = text_end
            await self.push_frame(audio)

    async def _stop_if_over(self) -> None:
        if self._written and not self._speaking:
            await self.push_frame(TTSStoppedFrame())
