"""Who speaks and listens in an eval by audio: espeak-ng, and a running ASR service."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

from pipecat.evals.tts import tts_sample_rate
from pipecat.frames.frames import Frame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService

from voice_agent.audio.pcm import float_to_int16
from voice_agent.audio.resample import Resampler
from voice_agent.client.asr import AsrClient
from voice_agent.engines.base import SpeakJob
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.wire.asr import Final

ASR_URL = "ws://localhost:8001/ws"


class _Caller(TTSService):
    """The caller's voice."""

    def __init__(self, voice: str, rate_hz: int) -> None:
        super().__init__(
            sample_rate=rate_hz, settings=TTSSettings(model=None, voice=voice, language=None)
        )
        self._speaker = EspeakSpeaker()
        self._loaded = False
        self._voice = voice
        # Pipecat's own is known once the pipeline has started, and it may speak before that
        self._rate_hz = rate_hz

    async def cleanup(self) -> None:
        await super().cleanup()
        await self._speaker.close()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        if not self._loaded:
            await self._speaker.load()
            self._loaded = True
        resampler = Resampler(self._speaker.info.sample_rate_hz, self._rate_hz)
        job = SpeakJob(session_id=context_id, text=text, voice_id=self._voice)
        async for chunk in self._speaker.speak(job):
            samples = float_to_int16(resampler.push(chunk.samples))
            yield TTSAudioRawFrame(samples.tobytes(), self._rate_hz, 1)


class _Listener(SegmentedSTTService):
    """Hears what the agent says."""

    def __init__(self, url: str) -> None:
        super().__init__(settings=STTSettings(model=None, language=None))
        self._url = url

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        async with AsrClient.connect(self._url) as asr:
            await asr.send(audio)
            await asr.close()
            texts = [message.text async for message in asr if isinstance(message, Final)]
        if text := " ".join(texts).strip():
            yield TranscriptionFrame(text, "agent", datetime.now(UTC).isoformat())


def voice(config: dict[str, Any]) -> TTSService:
    """For `user.speech`: `voice` is one of espeak-ng's, `sample_rate` in Hz."""
    return _Caller(str(config.get("voice", "en-us+m4")), tts_sample_rate(config))


def ears(config: dict[str, Any]) -> SegmentedSTTService:
    """For `judge.transcription`: `url` is that of an ASR service."""
    return _Listener(str(config.get("url", ASR_URL)))
