"""PocketSphinx as a `Recognizer`: a pool of decoders, leased to talking sessions.

A decoder (about 100 MB with its process) follows one turn at a time, so that partials
cost only their new audio. It is leased to the session whose partial comes first and free
again when the turn ends, or when a final needs a decoder and none is idle. Sessions that
find no free decoder get no partials; finals always get one. The pool starts with one
decoder and grows when more sessions talk at once.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from loguru import logger

from voice_agent import metrics
from voice_agent.audio.pcm import float_to_int16
from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    EngineInfo,
    Priority,
    RecognizeJob,
    Samples,
    TimedWord,
    Transcript,
)
from voice_agent.engines.child import Child
from voice_agent.engines.queue import Entry, JobDesk
from voice_agent.errors import EngineTimeout, EngineUnavailable

_WORKER = "voice_agent.engines.pocketsphinx.worker"
_MAX_JOBS = 256  # finals and partials of all sessions; more is refused
# a decode of the longest turn takes 2–5 s on a busy core
_RUN_TIMEOUT_S = 20.0
_RESTART_DELAY_S = 0.5
# a final outlives two decoders that die under it
_ATTEMPTS = 3

_Entry = Entry[RecognizeJob, Transcript]


@dataclass(slots=True, eq=False)
class _Decoder:
    """A child process and what it is doing.

    Attributes:
        child: None while it is started; `_keep` alone sets it.
        turn: Key of the turn it follows, or empty.
        heard_samples: Samples of that turn that it has had.
        busy: Whether a job runs in it.
    """

    child: Child | None = None
    turn: str = ""
    heard_samples: int = 0
    busy: bool = False

    @property
    def free(self) -> bool:
        """Whether a job may run in it now."""
        return self.child is not None and self.child.alive and not self.busy


class PocketSphinx:
    """The embedded recogniser.

    Args:
        max_decoders: Size the pool may grow to.
    """

    def __init__(self, *, max_decoders: int = 4) -> None:
        self._max_decoders = max_decoders
        self._desk = JobDesk[RecognizeJob, Transcript]("pocketsphinx", max_jobs=_MAX_JOBS)
        self._decoders: list[_Decoder] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo(
            name="pocketsphinx",
            role="hears",
            model=f"pocketsphinx {version('pocketsphinx')} en-us",
            precision="fixed",
            sample_rate_hz=ASR_SAMPLE_RATE_HZ,
            languages=("en",),
            capacity=self._max_decoders,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the loaded models."""
        return ("en-us",)

    @property
    def degraded(self) -> Mapping[str, str]:
        """Nothing: a session without a decoder gets no partials and says nothing of it."""
        return {}

    def languages(self, model: str) -> tuple[str, ...]:
        """English."""
        return ("en",)

    @property
    def ready(self) -> bool:
        """Whether at least one decoder runs."""
        return any(d.child is not None and d.child.alive for d in self._decoders)

    async def load(self) -> None:
        """Starts the first decoder."""
        first = _Decoder(child=await Child.start(_WORKER))
        self._decoders.append(first)
        self._spawn(self._keep(first))
        self._spawn(self._own())

    async def warm_up(self) -> None:
        """Decodes half a second of silence."""
        silence = np.zeros(ASR_SAMPLE_RATE_HZ // 2, np.float32)
        await self.transcribe(RecognizeJob(session_id="warm-up", turn_id=0, samples=silence))

    async def close(self) -> None:
        """Fails what waits and ends the processes."""
        self._closed = True
        self._desk.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for decoder in self._decoders:
            if decoder.child is not None:
                decoder.child.kill()
                await decoder.child.close()
        self._decoders.clear()

    async def transcribe(self, job: RecognizeJob) -> Transcript | None:
        """Runs one job; see `Recognizer`."""
        if job.priority is Priority.PARTIAL:
            return await self._submit(job) if self._has_room(job) else None
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._submit(job)
            except EngineUnavailable:
                if self._closed:
                    raise
                # its decoder died under it; another one takes it
        return await self._submit(job)

    def _has_room(self, job: RecognizeJob) -> bool:
        """Whether a partial could get a decoder; if not, the pool grows for the next one."""
        if any(d.turn in ("", _key(job)) for d in self._decoders):
            return True
        self._grow()
        return False

    async def _submit(self, job: RecognizeJob) -> Transcript | None:
        return await self._desk.submit(
            job, session_id=job.session_id, priority=job.priority, timeout_s=job.timeout_s
        )

    def release(self, session_id: str, turn_id: int) -> None:
        """Gives the turn's decoder back to the pool."""
        turn = f"{session_id}/{turn_id}"
        self._free_leases(lambda leased: leased == turn)

    def forget(self, session_id: str) -> None:
        """Drops the session's waiting jobs and its lease."""
        self._desk.forget(session_id)
        self._free_leases(lambda leased: leased.startswith(f"{session_id}/"))

    def _free_leases(self, matches: Callable[[str], bool]) -> None:
        for decoder in self._decoders:
            if matches(decoder.turn):
                decoder.turn = ""
        self._desk.nudge()

    async def _own(self) -> None:
        """Hands each job to a decoder; the one place that decides who gets which."""
        while True:
            entry = await self._desk.take(lambda job: self._pick(job) is not None)
            decoder = self._pick(entry.job)
            if decoder is None:  # cannot be: `take` has just seen one
                self._desk.fail(entry, EngineUnavailable("no decoder is free"))
                continue
            self._lease(decoder, entry.job)
            self._spawn(self._run(decoder, entry))
            if len(self._desk) or all(d.turn for d in self._decoders if d is not decoder):
                self._grow()

    def _pick(self, job: RecognizeJob) -> _Decoder | None:
        """The decoder for a job: its turn's own, an idle one, and for finals any free one."""
        free = [d for d in self._decoders if d.free]
        own = [d for d in free if d.turn == _key(job)]
        idle = [d for d in free if not d.turn]
        if job.priority is not Priority.PARTIAL:
            return next(iter(idle + own + free), None)
        # a turn with a busy decoder waits for that one instead of taking a second
        if own or any(d.turn == _key(job) for d in self._decoders):
            return next(iter(own), None)
        return next(iter(idle), None)

    @staticmethod
    def _lease(decoder: _Decoder, job: RecognizeJob) -> None:
        decoder.busy = True
        # a final ends the utterance that partials had begun
        turn = _key(job) if job.priority is Priority.PARTIAL else ""
        if decoder.turn != turn:
            decoder.turn, decoder.heard_samples = turn, 0

    def _grow(self) -> None:
        starting = any(d.child is None for d in self._decoders)
        if not starting and len(self._decoders) < self._max_decoders and not self._closed:
            decoder = _Decoder()
            self._decoders.append(decoder)
            self._spawn(self._keep(decoder))

    async def _keep(self, decoder: _Decoder) -> None:
        """Starts the decoder's process, and another one whenever it has ended."""
        while True:
            if decoder.child is None:
                decoder.child = await self._start()
                decoder.busy, decoder.turn, decoder.heard_samples = False, "", 0
                self._desk.nudge()
            await decoder.child.ended()
            logger.error("a pocketsphinx decoder ended and is started again")
            metrics.engine_restarts_total.labels("pocketsphinx").inc()
            await decoder.child.close()
            decoder.child = None

    async def _start(self) -> Child:
        while True:
            try:
                return await Child.start(_WORKER)
            except (EngineUnavailable, OSError, TimeoutError) as error:
                logger.error("a pocketsphinx decoder does not start: {}", error)
                await asyncio.sleep(_RESTART_DELAY_S)

    async def _run(self, decoder: _Decoder, entry: _Entry) -> None:
        started_s = time.monotonic()
        child = decoder.child
        try:
            if child is None:
                raise EngineUnavailable("the decoder is not running")
            answer = await self._ask(child, decoder, entry.job)
        except (EngineTimeout, EngineUnavailable) as error:
            # stays busy until `_keep` has another process for it
            self._desk.fail(entry, error)
            if child is not None:
                child.kill()
            return
        self._desk.ran(entry, time.monotonic() - started_s)
        self._desk.finish(entry, _transcript(answer))
        decoder.busy = False
        self._desk.nudge()

    async def _ask(self, child: Child, decoder: _Decoder, job: RecognizeJob) -> dict[str, Any]:
        if job.priority is Priority.PARTIAL:
            answer = await self._ask_partial(child, job, decoder.heard_samples)
            if "words" not in answer:
                answer = await self._ask_partial(child, job, 0)
            decoder.heard_samples = len(job.samples)
        else:
            answer = await child.ask({"do": "final"}, _pcm(job.samples), timeout_s=_RUN_TIMEOUT_S)
        if "words" not in answer:
            raise EngineUnavailable("the decoder answers nonsense")
        return answer

    @staticmethod
    async def _ask_partial(child: Child, job: RecognizeJob, offset: int) -> dict[str, Any]:
        question = {"do": "partial", "turn": _key(job), "offset": offset}
        return await child.ask(question, _pcm(job.samples[offset:]), timeout_s=_RUN_TIMEOUT_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="pocketsphinx")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _key(job: RecognizeJob) -> str:
    return f"{job.session_id}/{job.turn_id}"


def _pcm(samples: Samples) -> bytes:
    return float_to_int16(samples).tobytes()


def _transcript(answer: dict[str, Any]) -> Transcript:
    words = tuple(
        TimedWord(word=word, start_s=start_s, end_s=end_s, confidence=probability)
        for word, start_s, end_s, probability in answer["words"]
    )
    confidence = sum(w.confidence for w in words) / len(words) if words else 0.0
    return Transcript(
        words=words,
        text=" ".join(w.word for w in words),
        language="en",
        confidence=round(confidence, 3),
    )
