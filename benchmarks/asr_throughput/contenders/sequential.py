"""`WhisperModel.transcribe`, one call after another."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples


class Sequential:
    """One model, one thread, a queue in front: what one writes first.

    Args:
        model: Folder.
    """

    def __init__(self, model: Path) -> None:
        self._model = WhisperModel(str(model), device="cpu", compute_type="default")
        self._thread = ThreadPoolExecutor(1)

    async def open(self, n_sessions: int) -> None:
        """Runs it once."""
        await self.final(0, np.zeros(ASR_SAMPLE_RATE_HZ, np.float32))

    async def final(self, session: int, samples: Samples) -> str:
        """Queues one call."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transcribe, samples)

    def _transcribe(self, samples: Samples) -> str:
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            beam_size=1,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        return "".join(segment.text for segment in segments).strip()

    async def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown()
