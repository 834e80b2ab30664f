"""The one owner of the loaded models: collects windows of all sessions, runs them together.

There is no waiting for a batch to fill: the queue that forms while one batch runs is the
next batch. Eight windows decode in one call 4.4 times as fast as in eight.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from loguru import logger

from voice_agent import metrics
from voice_agent.engines.base import Priority
from voice_agent.engines.circuit_breaker import CircuitBreaker
from voice_agent.engines.queue import EngineQueue
from voice_agent.engines.whisper import temperature_fallback
from voice_agent.engines.whisper.decode_job import DecodeJob, WorkEntry, silence_of
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.load_shedder import LoadShedder
from voice_agent.engines.whisper.memory_fallback import MemoryFallback, is_out_of_memory
from voice_agent.engines.whisper.model import Window
from voice_agent.engines.whisper.temperature_fallback import Decoder, Outcome
from voice_agent.engines.whisper.window import FULL
from voice_agent.errors import EngineTimeout, EngineUnavailable, VoiceAgentError

_NAME = "whisper"
_MAX_JOBS = 256  # finals and partials of all sessions; more is refused

M = TypeVar("M", bound=Decoder)


class BatchLoop(Generic[M]):
    """The queue, the one thread that runs the models, and what is done when it fails.

    Args:
        load: Loads the models, the default first; runs in the thread.
        max_batch: Windows that may run together.
        stuck_after_s: A batch that runs longer is given up.
        breaker: Opens when the models keep failing.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        load: Callable[[], Sequence[M]],
        *,
        max_batch: int,
        stuck_after_s: float = 60.0,
        breaker: CircuitBreaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._stuck_after_s = stuck_after_s
        self._breaker = breaker or CircuitBreaker(_NAME, clock=clock)
        self._clock = clock
        self._desk = EngineQueue[DecodeJob, Hypothesis](_NAME, max_jobs=_MAX_JOBS, clock=clock)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=_NAME)
        self._fitting = MemoryFallback(max_batch, clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self._stuck_since_s: float | None = None
        self.pressure = LoadShedder(clock)
        self.models: dict[str, M] = {}

    @property
    def stuck(self) -> bool:
        """Whether a batch has not come back in time; nothing runs until it does."""
        return self._stuck_since_s is not None

    @property
    def stuck_s(self) -> float:
        """For how long nothing has run because a batch is stuck; 0 if none is."""
        return 0.0 if self._stuck_since_s is None else self._clock() - self._stuck_since_s

    @property
    def healthy(self) -> bool:
        """Whether jobs are run."""
        alive = bool(self._tasks) and not any(task.done() for task in self._tasks)
        return alive and not self.stuck and not self._breaker.open

    @property
    def stand_ins(self) -> Mapping[str, str]:
        """Models that do not fit in memory now, and which do their work."""
        used = {name: self._used(name, ()) for name in self.models}
        return {name: smaller for name, smaller in used.items() if smaller != name}

    async def open(self) -> None:
        """Loads the models; see `LoadedModel` for what it raises."""
        loop = asyncio.get_running_loop()
        models = await loop.run_in_executor(self._executor, self._load)
        if self._closed:
            raise EngineUnavailable(f"{_NAME} was closed while it loaded")
        self.models = {model.name: model for model in models}
        self._tasks = [
            asyncio.create_task(self._own(), name=_NAME),
            asyncio.create_task(self._watch(), name=f"{_NAME} watch"),
        ]
        self._show()

    async def close(self) -> None:
        """Fails what waits and what runs; a batch that runs is not waited for."""
        self._closed = True
        self._desk.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def forget(self, session_id: str) -> None:
        """Drops the session's waiting windows."""
        self._desk.forget(session_id)

    async def run(
        self, work: DecodeJob, *, session_id: str, priority: Priority, timeout_s: float
    ) -> Hypothesis | None:
        """Waits for a window to be decoded; see `EngineQueue.submit`."""
        self._breaker.check()
        if self.stuck:
            raise EngineUnavailable(f"{_NAME} is stuck in a batch", retry_after_ms=5000)
        return await self._desk.submit(
            work, session_id=session_id, priority=priority, timeout_s=timeout_s
        )

    async def run_alone(self, windows: Sequence[Window], model: M) -> None:
        """Decodes in the thread, past the queue: to warm up and to probe.

        Raises:
            EngineUnavailable: The model failed.
        """
        decode = partial(temperature_fallback.attempt, model, windows, beam_size=1, patient=False)
        found = await asyncio.get_running_loop().run_in_executor(self._executor, decode)
        if isinstance(found, BaseException):
            raise EngineUnavailable(f"{_NAME} failed: {found}") from found

    async def _own(self) -> None:
        while True:
            batch = [await self._desk.take()]
            try:
                if gather_s := self.pressure.gather_s:
                    await asyncio.sleep(gather_s)
                batch += self._like(batch[0])
                self.pressure.note(self._clock() - min(entry.queued_s for entry in batch))
                self._show()
                metrics.engine_batch_jobs.labels(_NAME).observe(len(batch))
                await self._run_batch(batch)
            except Exception:  # a mistake of ours; the next batch may come through
                logger.exception("whisper lost a batch")
                self._fail(batch, EngineUnavailable(f"{_NAME} lost this job, try again"))
            finally:  # only when closed there is one without an answer
                self._fail(batch, EngineUnavailable(f"{_NAME} is closed"))

    def _like(self, first: WorkEntry) -> list[WorkEntry]:
        """What waits and can share the batch of `first`."""
        finals_only = first.job.is_final and self.pressure.level > 0

        def fits(work: DecodeJob) -> bool:
            return work.key == first.job.key and (work.is_final or not finals_only)

        found: list[WorkEntry] = []
        limit = self._fitting.batch_limit
        while len(found) + 1 < limit and (entry := self._desk.take_now(fits)):
            found.append(entry)
        return found

    async def _run_batch(self, entries: Sequence[WorkEntry]) -> None:
        """Answers every entry, come what may."""
        batch = [entry for entry in entries if not entry.result.done()]  # else nobody waits
        if not batch:
            return
        started_s = self._clock()
        found = await self._in_thread(batch)
        if isinstance(found, BaseException):
            if is_out_of_memory(found):
                await self._run_smaller(batch)
            else:
                await self._after_failure(batch, str(found))
            return
        self._breaker.succeeded()
        self._fitting.fitted()
        for entry, hypothesis in zip(batch, found, strict=True):
            self._desk.ran(entry, self._clock() - started_s)
            self._desk.finish(entry, hypothesis)

    async def _in_thread(self, batch: Sequence[WorkEntry]) -> Outcome:
        """Decodes; when that takes too long, the jobs fail and the thread is waited for."""
        work, windows = batch[0].job, [entry.job.window for entry in batch]
        name = self._used(work.model, windows)
        if name != work.model:  # the tokens of a prompt are other words to another model
            windows = [replace(window, prompt=()) for window in windows]
        decode = partial(
            temperature_fallback.attempt,
            self.models[name],
            windows,
            beam_size=work.beam_size,
            patient=self.pressure.level == 0,
            partials=[i for i, entry in enumerate(batch) if not entry.job.is_final],
        )
        running = asyncio.get_running_loop().run_in_executor(self._executor, decode)
        try:
            done, _ = await asyncio.wait([running], timeout=self._stuck_after_s)
            if not done:
                await self._wait_for_stuck(running, batch)
            return running.result()
        finally:
            running.cancel()  # closed: what it finds is not looked at any more

    def _used(self, name: str, windows: Sequence[Window]) -> str:
        """The model that does the work of one: itself, or a smaller one for now."""
        return self._fitting.stand_in(name, self.models, windows)

    async def _wait_for_stuck(
        self, running: "asyncio.Future[Outcome]", batch: Sequence[WorkEntry]
    ) -> None:
        self._stuck_since_s = self._clock()
        metrics.engine_trouble_total.labels(_NAME, "stuck").inc()
        logger.error("whisper is stuck: a batch runs for {:g} s", self._stuck_after_s)
        self._fail(batch, EngineTimeout(f"{_NAME} is stuck in a batch"))
        await asyncio.wait([running])
        self._stuck_since_s = None
        logger.warning("whisper is no longer stuck")

    async def _run_smaller(self, batch: Sequence[WorkEntry]) -> None:
        """After memory ran out: in halves, at last with the next smaller model."""
        metrics.engine_trouble_total.labels(_NAME, "memory").inc()
        if len(batch) > 1:
            self._fitting.too_many(len(batch))
            logger.warning("whisper: out of memory, now {} at once", self._fitting.batch_limit)
            self._show()
            while batch:
                n_windows = self._fitting.batch_limit  # halves again if that is too many
                await self._run_batch(batch[:n_windows])
                batch = batch[n_windows:]
            return
        work, windows = batch[0].job, [batch[0].job.window]
        used = self._used(work.model, windows)
        smaller = self._fitting.smaller(used, self.models, windows)
        if not smaller:
            await self._after_failure(batch, "out of memory")
            return
        self._fitting.avoid(used)
        metrics.engine_trouble_total.labels(_NAME, "smaller_model").inc()
        logger.warning("whisper: {} does not fit, {} stands in", used, smaller)
        await self._run_batch(batch)

    async def _after_failure(self, batch: Sequence[WorkEntry], reason: str) -> None:
        """One bad window must not fail the others: each is tried on its own."""
        if len(batch) > 1 and not self._breaker.open:
            for entry in batch:
                await self._run_batch([entry])
            return
        metrics.engine_trouble_total.labels(_NAME, "failure").inc()
        logger.error("whisper failed: {}", reason)
        was_open = self._breaker.open
        self._breaker.failed()
        metrics.engine_trouble_total.labels(_NAME, "open").inc(self._breaker.open > was_open)
        self._fail(batch, EngineUnavailable(f"{_NAME} failed: {reason}"))

    def _fail(self, batch: Sequence[WorkEntry], error: VoiceAgentError) -> None:
        for entry in batch:
            self._desk.fail(entry, error)

    async def _watch(self) -> None:
        """Tries the default model while the breaker is open, and closes it."""
        while True:
            await asyncio.sleep(self._breaker.probe_every_s)
            self._show()  # the pressure falls also while nothing comes
            if not self._breaker.open or self.stuck:
                continue
            model = next(iter(self.models.values()))
            try:
                async with asyncio.timeout(self._stuck_after_s):
                    await self.run_alone([silence_of(0.5, FULL)], model)
            except Exception as error:  # the watch must outlive whatever it finds
                logger.warning("whisper still fails: {!r}", error)
                self._breaker.failed()
            else:
                logger.info("whisper works again")
                self._breaker.succeeded()

    def _show(self) -> None:
        metrics.engine_batch_limit.labels(_NAME).set(self._fitting.batch_limit)
        metrics.engine_pressure.labels(_NAME).set(self.pressure.level)
        metrics.engine_gather_s.labels(_NAME).set(self.pressure.gather_s)
