"""Our engine, as the services build it."""

import os
from pathlib import Path
from typing import Literal

from voice_agent.engines.base import RecognizeJob, Samples
from voice_agent.engines.catalogue import RECOGNIZERS
from voice_agent.settings import load_settings


class Ours:
    """Finals through the engine's queue.

    Args:
        model: Folder.
        window: `full` pads to 30 s, as all others do; `auto` shows what is safe for the model.
        max_batch: Windows in one call; 0 leaves it to the engine.
    """

    def __init__(self, model: Path, window: Literal["full", "auto"], max_batch: int = 0) -> None:
        windows = {"final_window": window, "partial_window": window}
        threads = int(os.environ["OMP_NUM_THREADS"])  # what the others go by
        settings = load_settings(
            asr={"engine": "whisper", "model": str(model)},
            whisper={"device": "cpu", "threads": threads, "max_batch": max_batch, **windows},
        )
        self._engine = RECOGNIZERS["whisper"].build(settings)
        self._turns = 0

    async def open(self, n_sessions: int) -> None:
        """Loads and warms up."""
        await self._engine.load()
        await self._engine.warm_up()

    async def final(self, session: int, samples: Samples) -> str:
        """One turn of the session."""
        self._turns += 1
        job = RecognizeJob(
            session_id=str(session), turn_id=self._turns, samples=samples, timeout_s=600
        )
        transcript = await self._engine.transcribe(job)
        self._engine.release(job.session_id, job.turn_id)
        return transcript.text if transcript else ""

    async def close(self) -> None:
        """Closes the engine."""
        await self._engine.close()
