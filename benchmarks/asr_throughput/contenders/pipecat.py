"""Pipecat's `WhisperSTTService`: one service, and so one model, a session."""

from pathlib import Path

import numpy as np
from pipecat.frames.frames import TranscriptionFrame
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transcriptions.language import Language

from voice_agent.audio.pcm import float_to_int16
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples


class Pipecat:
    """The service's own transcription, without a pipeline around it.

    Args:
        model: Folder.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._services: list[WhisperSTTService] = []

    async def open(self, n_sessions: int) -> None:
        """Loads a model for each session."""
        settings = WhisperSTTService.Settings(model=str(self._model), language=Language.EN)
        for session in range(n_sessions):
            self._services.append(WhisperSTTService(device="cpu", settings=settings))
            await self.final(session, np.zeros(ASR_SAMPLE_RATE_HZ, np.float32))

    async def final(self, session: int, samples: Samples) -> str:
        """Runs it on one segment."""
        audio = float_to_int16(samples).tobytes()
        frames = [frame async for frame in self._services[session].run_stt(audio)]
        return " ".join(f.text.strip() for f in frames if isinstance(f, TranscriptionFrame))

    async def close(self) -> None:
        """Nothing to end: its threads are asyncio's."""
