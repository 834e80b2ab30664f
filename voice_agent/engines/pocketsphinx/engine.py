"""PocketSphinx as a `Recognizer`: a pool of decoders, leased to talking sessions.

A decoder (about 100 MB with its process) follows one turn at a time, so that partials
cost only their new audio. It is leased to the session whose partial comes first and free
again when the turn ends, or when a final needs a decoder and none is idle. Sessions that
find no free decoder get no partials; finals always get one. The pool starts with one
decoder and grows when more sessions talk at once.
"""

import asyncio
import time
from dataclasses import dataclass, field
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

_Entry = Entry[RecognizeJob, Transcript]


@dataclass(slots=True, eq=False)
class _Decoder:
    """A child process and what it is doing.

    Attributes:
        child: None while it is started.
        turn: Key of the turn it follows, or empty.
        heard_samples: Samples of that turn that it has had.
        busy: Whether a job runs in it.
    """

    child: Child | None = None
    turn: str = ""
    heard_samples: int = 0
    busy: bool = False
    task: "asyncio.Task[None] | None" = field(default=None)


class PocketSphinx:
    """The embedded recogniser.

    Args:
        max_decoders: Size the pool may grow to.
    """

    def __init__(self, *, max_decoders: int = 4) -> None:
        self._max_decoders = max_decoders
        self._desk = JobDesk[RecognizeJob, Transcript]("pocketsphinx", max_jobs=_MAX_JOBS)
        self._decoders: list[_Decoder] = []
        self._owner: asyncio.Task[None] | None = None
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
    def ready(self) -> bool:
        """Whether at least one decoder runs."""
        return any(d.child is not None and d.child.alive for d in self._decoders)

    async def load(self) -> None:
        """Starts the first decoder."""
        first = _Decoder(child=await Child.start(_WORKER))
        self._decoders.append(first)
        self._owner = asyncio.create_task(self._own(), name="pocketsphinx")

    async def warm_up(self) -> None:
        """Decodes half a second of silence."""
        silence = np.zeros(ASR_SAMPLE_RATE_HZ // 2, np.float32)
        await self.transcribe(RecognizeJob(session_id="warm-up", turn_id=0, samples=silence))

    async def close(self) -> None:
        """Fails what waits and ends the processes."""
        self._closed = True
        self._desk.close()
        tasks = [self._owner, *(d.task for d in self._decoders)]
        for task in tasks:
            if task is not None:
                task.cancel()
        for decoder in self._decoders:
            if decoder.child is not None:
                decoder.child.kill()
                await decoder.child.close()
        self._decoders.clear()

    async def transcribe(self, job: RecognizeJob) -> Transcript | None:
        """Runs one job; see `Recognizer`."""
        try:
            return await self._submit(job)
        except EngineUnavailable:
            if self._closed or job.priority is Priority.PARTIAL:
                raise
            # its decoder died under it; another one takes it
            return await self._submit(job)

    async def _submit(self, job: RecognizeJob) -> Transcript | None:
        return await self._desk.submit(
            job, session_id=job.session_id, priority=job.priority, timeout_s=job.timeout_s
        )

    def release(self, session_id: str, turn_id: int) -> None:
        """Gives the turn's decoder back to the pool."""
        for decoder in self._decoders:
            if decoder.turn == _key(session_id, turn_id):
                decoder.turn = ""
                self._desk.nudge()

    def forget(self, session_id: str) -> None:
        """Drops the session's waiting jobs and its lease."""
        self._desk.forget(session_id)
        for decoder in self._decoders:
            if decoder.turn.startswith(f"{session_id}/"):
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
            decoder.busy = True
            decoder.task = asyncio.create_task(self._run(decoder, entry))
            if len(self._desk) or all(d.turn for d in self._decoders if d is not decoder):
                self._grow()

    def _pick(self, job: RecognizeJob) -> _Decoder | None:
        """The decoder for a job: its turn's own, an idle one, and for finals any free one."""
        free = [d for d in self._decoders if d.child is not None and not d.busy]
        key = _key(job.session_id, job.turn_id)
        own = [d for d in free if d.turn == key]
        idle = [d for d in free if not d.turn]
        if job.priority is not Priority.PARTIAL:
            return next(iter(idle + own + free), None)
        # a turn with a busy decoder waits for that one instead of taking a second
        if own or any(d.turn == key for d in self._decoders):
            return next(iter(own), None)
        return next(iter(idle), None)

    def _grow(self) -> None:
        starting = any(d.child is None for d in self._decoders)
        if not starting and len(self._decoders) < self._max_decoders and not self._closed:
            decoder = _Decoder()
            self._decoders.append(decoder)
            decoder.task = asyncio.create_task(self._start(decoder))

    async def _start(self, decoder: _Decoder) -> None:
        while not self._closed:
            try:
                decoder.child = await Child.start(_WORKER)
            except (EngineUnavailable, OSError, TimeoutError) as error:
                logger.error("a pocketsphinx decoder does not start: {}", error)
                await asyncio.sleep(_RESTART_DELAY_S)
                continue
            decoder.busy, decoder.turn, decoder.heard_samples = False, "", 0
            self._desk.nudge()
            return

    async def _run(self, decoder: _Decoder, entry: _Entry) -> None:
        started_s = time.monotonic()
        try:
            answer = await self._ask(decoder, entry.job)
        except (EngineTimeout, EngineUnavailable) as error:
            self._desk.fail(entry, error)
            logger.error("a pocketsphinx decoder failed and is started again: {}", error)
            metrics.engine_restarts_total.labels("pocketsphinx").inc()
            if decoder.child is not None:
                decoder.child.kill()
                decoder.child = None
            decoder.task = asyncio.create_task(self._start(decoder))
            return
        self._desk.ran(entry, time.monotonic() - started_s)
        self._desk.finish(entry, _transcript(answer))
        decoder.busy = False
        self._desk.nudge()

    async def _ask(self, decoder: _Decoder, job: RecognizeJob) -> dict[str, Any]:
        if decoder.child is None:
            raise EngineUnavailable("the decoder is not running")
        if job.priority is not Priority.PARTIAL:
            decoder.turn = ""  # a final ends the utterance that partials had begun
            return await decoder.child.ask(
                {"do": "final"}, _pcm(job.samples), timeout_s=_RUN_TIMEOUT_S
            )
        key = _key(job.session_id, job.turn_id)
        if decoder.turn != key:
            decoder.turn, decoder.heard_samples = key, 0
        answer = await self._ask_partial(decoder, job, key)
        if answer.get("restart"):
            decoder.heard_samples = 0
            answer = await self._ask_partial(decoder, job, key)
        decoder.heard_samples = len(job.samples)
        return answer

    async def _ask_partial(self, decoder: _Decoder, job: RecognizeJob, key: str) -> dict[str, Any]:
        if decoder.child is None:
            raise EngineUnavailable("the decoder is not running")
        question = {"do": "partial", "turn": key, "offset": decoder.heard_samples}
        fresh = _pcm(job.samples[decoder.heard_samples :])
        return await decoder.child.ask(question, fresh, timeout_s=_RUN_TIMEOUT_S)


def _key(session_id: str, turn_id: int) -> str:
    return f"{session_id}/{turn_id}"


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
