"""A recogniser that hears nothing: to measure everything around recognition."""

import asyncio
from collections.abc import Mapping

from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    EngineInfo,
    Priority,
    RecognizeJob,
    TimedWord,
    Transcript,
)

_FINAL_S = 0.05
_PARTIAL_S = 0.02


class ScriptedRecognizer:
    """Answers after a fixed time with one word for each half second of audio."""

    models = ("scripted",)
    ready = True

    @property
    def degraded(self) -> Mapping[str, str]:
        """Nothing ever is."""
        return {}

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(
            name="scripted",
            role="hears",
            model="scripted",
            sample_rate_hz=ASR_SAMPLE_RATE_HZ,
            languages=("en",),
        )

    def languages(self, model: str) -> tuple[str, ...]:
        """English, as it were."""
        return ("en",)

    async def load(self) -> None:
        """Nothing to load."""

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def close(self) -> None:
        """Nothing to close."""

    def forget(self, session_id: str) -> None:
        """Nothing is kept."""

    def release(self, session_id: str, turn_id: int) -> None:
        """Nothing is kept."""

    async def transcribe(self, job: RecognizeJob) -> Transcript | None:
        await asyncio.sleep(_PARTIAL_S if job.priority is Priority.PARTIAL else _FINAL_S)
        words = tuple(
            TimedWord(word="word", start_s=n / 2, end_s=n / 2 + 0.4, confidence=1.0)
            for n in range(len(job.samples) // (ASR_SAMPLE_RATE_HZ // 2))
        )
        text = " ".join(word.word for word in words)
        return Transcript(words=words, text=text, language="en", confidence=1.0)
