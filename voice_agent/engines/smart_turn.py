"""Smart Turn v3.2: says from the sound of the last 8 s whether a caller has finished.

One model for all sessions. Batching gains nothing (37 ms each at 1 and at 8) and a second
thread within a verdict makes it slower, but two verdicts can run beside each other: with one
at a time, callers who pause together wait for each other.
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from voice_agent.audio.mel import log_mel, normalise
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, EngineInfo, Priority, Samples
from voice_agent.engines.onnx import bundled_model, open_session
from voice_agent.engines.queue import JobDesk
from voice_agent.errors import EngineUnavailable

_INPUT_SAMPLES = 8 * ASR_SAMPLE_RATE_HZ
COMPLETE_ABOVE = 0.5
"""Probability above which a turn counts as complete; the model's own threshold."""
_TIMEOUT_S = 1.0  # silence ends the turn soon after anyway
_MAX_WORKERS = 2  # verdicts at a time; more would take the event loop's core away
_MAX_JOBS = 128  # a session waits for its verdict, so this many sessions at a pause at once


class SmartTurn:
    """The shared model, as a `TurnJudge`."""

    def __init__(self) -> None:
        self._desk = JobDesk[Samples, float]("smart_turn", max_jobs=_MAX_JOBS)
        self._session: Any = None
        self._executor: ThreadPoolExecutor | None = None
        self._owners: list[asyncio.Task[None]] = []

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo(
            name="smart_turn",
            role="judges_turns",
            model="smart-turn-v3.2-cpu.onnx",
            precision="int8",
            sample_rate_hz=ASR_SAMPLE_RATE_HZ,
            why="judges the end of a turn; comes with pipecat-ai",
        )

    @property
    def ready(self) -> bool:
        """Whether the model is loaded and its owners run."""
        return bool(self._owners) and not any(owner.done() for owner in self._owners)

    async def load(self) -> None:
        """Loads the model from the pipecat-ai wheel; raises EngineUnavailable without it."""
        path = bundled_model("pipecat", "audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx")
        n_workers = min(_MAX_WORKERS, os.cpu_count() or 1)
        self._executor = ThreadPoolExecutor(n_workers, thread_name_prefix="smart_turn")
        loop = asyncio.get_running_loop()
        self._session = await loop.run_in_executor(self._executor, open_session, path)
        self._owners = [
            asyncio.create_task(self._own(), name="smart_turn") for _ in range(n_workers)
        ]

    async def warm_up(self) -> None:
        """Judges a second of silence, without a deadline: a busy machine starts slowly."""
        silence = np.zeros(ASR_SAMPLE_RATE_HZ, np.float32)
        await asyncio.get_running_loop().run_in_executor(self._executor, self._judge, silence)

    async def close(self) -> None:
        """Fails what waits and ends the threads."""
        self._desk.close()
        for owner in self._owners:
            owner.cancel()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def forget(self, session_id: str) -> None:
        """Drops the session's waiting job."""
        self._desk.forget(session_id)

    async def probability(self, samples: Samples, *, session_id: str) -> float:
        """Probability that the turn is complete; see `TurnJudge`."""
        if self._session is None:
            raise EngineUnavailable("smart turn is not loaded")
        # the copy is at most 512 kB, and the caller may go on appending
        last = samples[-_INPUT_SAMPLES:].copy()
        probability = await self._desk.submit(
            last, session_id=session_id, priority=Priority.FINAL, timeout_s=_TIMEOUT_S
        )
        return probability or 0.0

    async def _own(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            entry = await self._desk.take()
            started_s = time.monotonic()
            try:
                result = await loop.run_in_executor(self._executor, self._judge, entry.job)
            except RuntimeError as error:  # what onnxruntime raises
                self._desk.fail(entry, EngineUnavailable(f"smart turn failed: {error}"))
                continue
            self._desk.ran(entry, time.monotonic() - started_s)
            self._desk.finish(entry, result)

    def _judge(self, samples: Samples) -> float:
        padded = np.zeros(_INPUT_SAMPLES, np.float32)
        if len(samples):
            padded[-len(samples) :] = samples
        features = log_mel(normalise(padded))[None]
        (probability,) = self._session.run(None, {"input_features": features})
        return float(probability.reshape(-1)[0])
