"""Smart Turn v3.2 as a `TurnJudge`: two processes, each with the model, for all sessions.

Batching gains nothing (37 ms each at 1 and at 8) and a second thread within a verdict makes
it slower, but two verdicts can run beside each other: with one at a time, callers who pause
together wait for each other.
"""

import asyncio
import os
import time
from pathlib import Path

import numpy as np
from loguru import logger

from voice_agent import metrics
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, EngineInfo, Priority, Samples
from voice_agent.engines.child import Child
from voice_agent.engines.onnx import bundled_model
from voice_agent.engines.queue import EngineQueue, Entry
from voice_agent.engines.smart_turn.model import INPUT_SAMPLES, MODEL
from voice_agent.errors import EngineUnavailable

_NAME = "smart_turn"
_WORKER = "voice_agent.engines.smart_turn.worker"
_TIMEOUT_S = 1.0  # silence ends the turn soon after anyway
_RUN_TIMEOUT_S = 10.0  # a worker that takes longer is broken
_MAX_WORKERS = 2  # verdicts at a time; more would take the event loop's core away
_MAX_JOBS = 128  # a session waits for its verdict, so this many sessions at a pause at once
_RESTART_DELAY_S = 0.5


class SmartTurn:
    """The shared judge."""

    def __init__(self) -> None:
        self._desk = EngineQueue[Samples, float](_NAME, max_jobs=_MAX_JOBS)
        self._children: list[Child | None] = []
        self._owners: list[asyncio.Task[None]] = []

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo(
            name=_NAME,
            role="judges_turns",
            model=Path(MODEL).name,
            precision="int8",
            sample_rate_hz=ASR_SAMPLE_RATE_HZ,
            capacity=max(1, len(self._children)),
            why="judges the end of a turn; comes with pipecat-ai",
        )

    @property
    def ready(self) -> bool:
        """Whether at least one worker runs, and somebody gives it work."""
        return any(
            child is not None and child.alive and not owner.done()
            for child, owner in zip(self._children, self._owners, strict=False)
        )

    async def load(self) -> None:
        """Starts the workers; raises EngineUnavailable if the model is not there."""
        bundled_model("pipecat", MODEL)
        n_workers = min(_MAX_WORKERS, os.cpu_count() or 1)
        self._children = list(
            await asyncio.gather(*(Child.start(_WORKER) for _ in range(n_workers)))
        )
        self._owners = [
            asyncio.create_task(self._own(index), name=_NAME) for index in range(n_workers)
        ]

    async def warm_up(self) -> None:
        """Judges a second of silence in each worker."""
        silence = np.zeros(ASR_SAMPLE_RATE_HZ, np.float32)
        n_workers = len(self._children)
        await asyncio.gather(
            *(
                self._desk.submit(
                    silence,
                    session_id=f"warm-up {index}",
                    priority=Priority.FINAL,
                    timeout_s=_RUN_TIMEOUT_S,
                )
                for index in range(n_workers)
            )
        )

    async def close(self) -> None:
        """Fails what waits and ends the processes."""
        self._desk.close()
        for owner in self._owners:
            owner.cancel()
        await asyncio.gather(*self._owners, return_exceptions=True)
        for child in self._children:
            if child is not None:
                child.kill()
                await child.close()
        self._children.clear()

    def forget(self, session_id: str) -> None:
        """Drops the session's waiting job."""
        self._desk.forget(session_id)

    async def probability(self, samples: Samples, *, session_id: str) -> float:
        """Probability that the turn is complete; see `TurnJudge`."""
        if not self._children:
            raise EngineUnavailable("smart turn is not loaded")
        # the copy is at most 512 kB, and the caller may go on appending
        last = samples[-INPUT_SAMPLES:].astype(np.float32, copy=True)
        probability = await self._desk.submit(
            last, session_id=session_id, priority=Priority.FINAL, timeout_s=_TIMEOUT_S
        )
        return probability or 0.0

    async def _own(self, index: int) -> None:
        """Runs one worker, and another one whenever it has ended."""
        while True:
            child = self._children[index] or await self._start(index)
            entry = await self._desk.take()
            started_s = time.monotonic()
            try:
                answer = await child.ask({}, entry.job.tobytes(), timeout_s=_RUN_TIMEOUT_S)
                self._desk.ran(entry, time.monotonic() - started_s)
                self._desk.finish(entry, float(answer["probability"]))
            except Exception as error:  # whatever it answers: the next job gets a sound worker
                await self._replace(index, child, entry, error)

    async def _replace(
        self, index: int, child: Child, entry: Entry[Samples, float], error: Exception
    ) -> None:
        logger.error("a smart turn worker failed and is started again: {!r}", error)
        metrics.engine_restarts_total.labels(_NAME).inc()
        self._desk.fail(entry, EngineUnavailable("smart turn failed", retry_after_ms=1000))
        self._children[index] = None
        child.kill()
        await child.close()

    async def _start(self, index: int) -> Child:
        while True:
            try:
                child = await Child.start(_WORKER)
            except Exception as error:
                logger.error("a smart turn worker does not start: {!r}", error)
                await asyncio.sleep(_RESTART_DELAY_S)
            else:
                self._children[index] = child
                return child
