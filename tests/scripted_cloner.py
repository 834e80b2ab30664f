"""A speaker that clones for real, in its way: it hums at the pitch of the reference clip."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np
from loguru import logger

from voice_agent.engines.base import (
    Conditioning,
    EngineInfo,
    Samples,
    SpeakJob,
    SpokenChunk,
    VoiceInfo,
)
from voice_agent.errors import Unsupported, VoiceNotFound

HZ = 24_000
OWN_HZ = 110.0
CHAR_S = 0.06
CONDITIONED = "conditioning is computed"
_CHUNK_CHARS = 5


class ScriptedCloner:
    """Says each character in 60 ms of humming, at a hundred times real time.

    Args:
        family: Of its conditioning.
        checkpoint: Of its weights.
        condition_s: What computing conditioning takes.
    """

    clones = True
    ready = True

    def __init__(
        self, family: str = "humming", checkpoint: str = "0" * 16, condition_s: float = 0.0
    ) -> None:
        self.family = family
        self.checkpoint = checkpoint
        self.condition_s = condition_s
        self.conditioned: list[tuple[Samples, int]] = []
        self.jobs: list[SpeakJob] = []

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(
            name="humming", role="speaks", model="", sample_rate_hz=HZ, languages=("en",)
        )

    @property
    def voices(self) -> Sequence[VoiceInfo]:
        return [
            VoiceInfo(voice_id="default", name="Hum", language="en"),
            VoiceInfo(voice_id="low", name="Low hum", language="en"),
        ]

    async def load(self) -> None:
        """Nothing to load."""

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def close(self) -> None:
        """Nothing to close."""

    def forget(self, session_id: str) -> None:
        """Nothing is kept."""

    def check_voice(self, voice_id: str, language: str | None) -> None:
        if voice_id not in ("default", "low"):
            raise VoiceNotFound(f"there is no voice {voice_id}")
        if language not in (None, "en"):
            raise Unsupported(f"{language} is not spoken")

    async def condition(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
        logger.info(CONDITIONED)
        self.conditioned.append((samples, sample_rate_hz))
        await asyncio.sleep(self.condition_s)
        return {
            "pitch_hz": np.array([pitch_hz(samples, sample_rate_hz)], np.float64),
            "tokens": np.arange(150, dtype=np.int64)[None, :],
            "scale": np.float32(0.5) * np.ones((), np.float32),
        }

    async def speak(self, job: SpeakJob) -> AsyncGenerator[SpokenChunk]:
        self.jobs.append(job)
        pitch = OWN_HZ
        if job.voice is not None:
            pitch = float(job.voice.conditioning["pitch_hz"][0])
        else:
            self.check_voice(job.voice_id, job.language)
        for first in range(0, len(job.text), _CHUNK_CHARS):
            last = min(first + _CHUNK_CHARS, len(job.text))
            at_s = np.arange(round(first * CHAR_S * HZ), round(last * CHAR_S * HZ)) / HZ
            hum = 0.3 * np.sin(2 * np.pi * pitch * at_s)
            yield SpokenChunk(samples=hum.astype(np.float32), text_start=first, text_end=last)
            await asyncio.sleep((last - first) * CHAR_S / 100)


def pitch_hz(samples: Samples, sample_rate_hz: int) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * sample_rate_hz / len(samples))
