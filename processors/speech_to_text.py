"""Turns audio into partials and finals, with whichever recogniser it is given."""

from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    ProposedUserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transcriptions.language import Language

from processors.audio_input import AudioInput
from processors.recognizer_session import RecognizerSession
from processors.turn_decoder import TurnDecoder
from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    Recognizer,
    new_session_id,
)
from voice_agent.errors import Unsupported
from voice_agent.frames import (
    ClientMessageFrame,
    SegmentEndFrame,
    SegmentGoesOnFrame,
    SegmentMayEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    TurnEndFrame,
)
from voice_agent.turns.turn import EndedBy
from voice_agent.wire.asr import Close, Config

_HZ = ASR_SAMPLE_RATE_HZ
# from the end of speech to the final at the 95th percentile, benchmarks/results/recognition.md
_TTFS_P99_S = 1.1


class SpeechToText(STTService):
    """Pushes `PartialFrame` while a turn is open and one `FinalFrame` for each turn.

    They are Pipecat's `InterimTranscriptionFrame` and `TranscriptionFrame` and say more. Behind
    a `TurnDetector` a turn ends with its `TurnEndFrame`, and the proposal to stop that follows
    that is passed on behind the final; behind another detector every pause ends one
    (`VADUserStoppedSpeakingFrame`).

    A turn that cannot be decoded has an `ErrorFrame` before its final.

    Args:
        recognizer: The shared engine, loaded.
        model: One of the engine's; by default its first.
        language: What is spoken, as a code or `auto`. This and the model may be changed by an
            `STTUpdateSettingsFrame`, and all of a `Config` by that.
        final_timeout_s: A final that takes longer is given up.
        audio_passthrough: Whether audio goes on, for those behind that want it.
        session_id: Whose audio it is; by default a new one.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        model: str = "",
        language: str = "en",
        final_timeout_s: float = 15.0,
        audio_passthrough: bool = True,
        session_id: str = "",
    ) -> None:
        session_id = session_id or new_session_id()
        super().__init__(
            name=f"SpeechToText#{session_id}",
            enable_direct_mode=True,
            audio_passthrough=audio_passthrough,
            sample_rate=ASR_SAMPLE_RATE_HZ,
            ttfs_p99_latency=_TTFS_P99_S,
            settings=STTSettings(model=model or None, language=language),
        )
        self._recognition = RecognizerSession(
            session_id=session_id,
            recognizer=recognizer,
            config=Config(type="config", model=model or None, language=language),
            final_timeout_s=final_timeout_s,
        )
        self._audio = AudioInput()
        self._decoder = TurnDecoder(self, self._recognition)
        self._turns_are_told = False  # by a turn detector of ours

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the turn; passes everything on, see `STTService`."""
        match frame:
            case TurnEndFrame():
                self._turns_are_told = True
                await self._decoder.end_turn(frame, proposes_stop=True)
            case ProposedUserStoppedSpeakingFrame() if self._turns_are_told:
                return  # its final is being made: it comes after that
            case ClientMessageFrame(message=Config() as config):
                self._recognition.change(config)
            case ClientMessageFrame(message=Close()):
                await self._decoder.finish()
            case _:
                await self._follow_speech(frame)
        await super().process_frame(frame, direction)

    async def _follow_speech(self, frame: Frame) -> None:
        match frame:
            case SegmentStartFrame():
                self._decoder.speech_started(round(frame.at_s * _HZ))
            case SegmentMayEndFrame():
                self._decoder.may_end(frame.end_sample)
            case SegmentGoesOnFrame():
                self._decoder.goes_on()
            case SegmentPauseFrame():
                self._decoder.paused(frame.end_sample)
            case SegmentEndFrame():
                self._decoder.segment_ended(round(frame.at_s * _HZ))
            case VADUserStartedSpeakingFrame():
                self._decoder.speech_started(self._before_now(frame.start_secs))
            case VADUserStoppedSpeakingFrame():
                await self._end_turn(self._before_now(frame.stop_secs))
            case _:
                pass

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Takes audio of any rate, unless muted."""
        del direction
        if not self.is_muted:
            self._decoder.hear(self._audio.samples(frame))

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None]:
        """Takes int16 mono at 16 kHz; what comes of it is pushed later."""
        self._decoder.hear(np.frombuffer(audio, np.int16))
        yield None

    async def cleanup(self) -> None:
        """Takes the session's jobs out of the engine."""
        await super().cleanup()
        await self._decoder.close()

    async def _update_settings(self, delta: STTSettings) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        settings = self._settings
        try:
            self._recognition.choose(str(settings.model or ""), str(settings.language or "auto"))
        except Unsupported as error:
            for name, before in changed.items():
                setattr(settings, name, before)
            await self.push_error(error.message, exception=error)
            return {}
        return changed

    def language_to_service_language(self, language: Language) -> str:
        """The code that Whisper has for it: `en` for `en-US`."""
        return str(language.value).partition("-")[0].lower()

    def _before_now(self, seconds: float) -> int:
        return max(0, self._decoder.now - round(seconds * _HZ))

    async def _end_turn(self, end_sample: int) -> None:
        """Ends the turn with its segment, as nobody here judges turns."""
        start_sample = self._decoder.turn_start
        if start_sample is None:
            return
        self._decoder.segment_ended(end_sample)
        await self._decoder.end_turn(
            TurnEndFrame(
                start_sample=start_sample,
                end_sample=end_sample,
                ended_by=EndedBy.SILENCE,
                complete=True,
            ),
            proposes_stop=False,
        )
