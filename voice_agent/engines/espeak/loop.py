"""The one task that owns the worker process and gives it clauses."""

import asyncio
import re
import time

import numpy as np
from loguru import logger

from voice_agent import metrics
from voice_agent.engines.base import SpokenChunk
from voice_agent.engines.clauses import Clause
from voice_agent.engines.espeak.fair_scheduler import FairScheduler
from voice_agent.engines.espeak.process import WorkerGone, WorkerProcess
from voice_agent.engines.espeak.protocol import Frame, Kind, pack_ask, pack_speak, unpack_audio
from voice_agent.engines.espeak.questions import Phonemes, Question, Questions
from voice_agent.engines.espeak.spans import SpanReader
from voice_agent.engines.espeak.synthesis_job import SynthesisJob
from voice_agent.engines.espeak.voices import Catalogue, read_catalogue
from voice_agent.errors import EngineUnavailable, VoiceAgentError

_SILENCE_LIMIT_S = 10.0  # the first piece of a clause takes 5 ms; this is a hung worker
_CANCEL_LIMIT_S = 1.0  # a cancel takes effect within one piece of audio
_STEADY_S = 10.0  # a worker that lived this long was sound: start the next one at once
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all but tab and new line
_FULL_SCALE = np.float32(1 / 32768)


class EspeakLoop:
    """Keeps a worker running and speaks clause after clause on it.

    When the worker dies, speeches that were heard already end with `engine_unavailable`,
    others wait for the next worker. That is started at once, and with growing pauses while
    workers keep dying.
    """

    def __init__(self, *, max_jobs: int, ahead_s: float) -> None:
        self.catalogue: Catalogue | None = None
        self._max_jobs = max_jobs
        self._ahead_s = ahead_s
        self._turnstile = FairScheduler(max_jobs=max_jobs, ahead_samples=0)
        self._work = asyncio.Event()
        self._worker: WorkerProcess | None = None
        self._task: asyncio.Task[None] | None = None
        self._questions = Questions(max_jobs)
        self._speaking: SynthesisJob | None = None
        self._released = asyncio.Event()  # set whenever the worker is through with a clause
        self._broken = ""  # why there is no worker, if starting one failed
        self._closed = False

    @property
    def ready(self) -> bool:
        """A worker runs, and somebody gives it work."""
        return self._owned and self._worker is not None and self._worker.alive

    @property
    def _owned(self) -> bool:
        return not self._closed and self._task is not None and not self._task.done()

    def require(self) -> Catalogue:
        """The catalogue of an engine that takes jobs.

        Raises:
            EngineUnavailable: It is not loaded, closed, or its worker does not start.
        """
        if self._closed:
            raise EngineUnavailable("espeak is closed")
        if self.catalogue is None:
            raise EngineUnavailable("espeak is not loaded")
        if not self._owned:
            raise EngineUnavailable("espeak has ended")
        if self._broken:
            raise EngineUnavailable(self._broken, retry_after_ms=int(1000 * _LONGEST_PAUSE_S))
        return self.catalogue

    async def start(self) -> None:
        """Starts the worker and the task.

        Raises:
            EngineUnavailable: The worker does not start.
        """
        if self._closed:
            raise EngineUnavailable("espeak is closed")
        if self._task is not None:
            return
        try:
            worker = await WorkerProcess.start(self.nudge)
        except WorkerGone as error:
            raise EngineUnavailable(f"espeak does not start: {error}") from error
        self._worker = worker
        try:
            self.catalogue = read_catalogue(worker.hello)
        except Exception as error:
            await worker.end(at_once=True)
            raise EngineUnavailable(f"espeak does not start: {error!r}") from error
        self._turnstile = FairScheduler(
            max_jobs=self._max_jobs,
            ahead_samples=int(self._ahead_s * self.catalogue.sample_rate_hz),
        )
        self._task = asyncio.create_task(self._own(worker), name="espeak owner")

    async def close(self) -> None:
        """Ends the worker and every speech."""
        self._closed = True
        for speech in self.speeches():
            speech.end(EngineUnavailable("espeak is closed"))
        self._questions.close(EngineUnavailable("espeak is closed"))
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._worker is not None:
            await self._worker.end()

    def speeches(self) -> list[SynthesisJob]:
        """All open ones."""
        return self._turnstile.speeches()

    def admit(self, speech: SynthesisJob) -> None:
        """Lets a speech in.

        Raises:
            EngineUnavailable: Too many are open.
        """
        if not self._turnstile.admit(speech):
            raise EngineUnavailable("too many jobs are waiting, try again", retry_after_ms=1000)
        self.nudge()

    async def phonemes(self, text: str, voice: str, timeout_s: float) -> Phonemes:
        """Puts a text into phonemes; before all speech that waits, as it takes 2 ms.

        Args:
            text: One clause.
            voice: As espeak-ng calls it.
            timeout_s: It must be there within this.

        Raises:
            EngineTimeout: It took longer.
            EngineUnavailable: The voice is none, the worker broke down over the text, or too
                many ask.
        """
        question = self._questions.ask(_speakable(text), voice)
        self.nudge()
        return await self._questions.answer(question, timeout_s)

    def abandon(self, speech: SynthesisJob, error: VoiceAgentError | None = None) -> None:
        """Ends a speech now; the worker is told to stop if it is on it."""
        speech.end(error)
        self._turnstile.remove(speech)
        if self._speaking is speech and self._worker is not None:
            self._worker.send(Kind.CANCEL, speech.number)

    async def release(self, speech: SynthesisJob) -> None:
        """Abandons a speech and waits until the worker is off it."""
        self.abandon(speech)
        deadline_s = time.monotonic() + _CANCEL_LIMIT_S
        while self._speaking is speech and (left_s := deadline_s - time.monotonic()) > 0:
            self._released.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._released.wait()
            except TimeoutError:
                return  # hung: the owner will notice and end the worker

    def nudge(self) -> None:
        """Makes the task look again."""
        self._work.set()

    async def _own(self, worker: WorkerProcess) -> None:
        pause_s = 0.0
        while True:
            began_s = time.monotonic()
            try:
                await self._serve(worker)
            except Exception as error:  # WorkerGone, or a reply that nobody can read
                logger.warning("The espeak worker is gone: {!r}", error)
                self._fail_begun(EngineUnavailable("espeak broke down, try again"))
                await worker.end(at_once=True)
            if time.monotonic() - began_s > _STEADY_S:
                pause_s = 0.0
            worker = await self._start_again(pause_s)
            pause_s = _longer(pause_s)

    async def _serve(self, worker: WorkerProcess) -> None:
        while True:
            self._work.clear()
            if not worker.alive:
                # says with which code and which last words
                await worker.receive(_SILENCE_LIMIT_S)
            question = self._questions.next()
            if question is not None:
                await self._answer(worker, question)
                continue
            speech = self._turnstile.next()
            if speech is None:
                await self._work.wait()
                continue
            if not speech.begun:
                metrics.engine_queue_wait_s.labels(
                    "espeak", speech.job.priority.name.lower()
                ).observe(time.monotonic() - speech.came_s)
            clause = speech.next_clause()
            self._speaking = speech
            try:
                await self._speak(worker, speech, clause)
            except Exception:
                speech.put_back(clause)
                raise
            finally:
                self._speaking = None
                self._released.set()

    async def _speak(self, worker: WorkerProcess, speech: SynthesisJob, clause: Clause) -> None:
        body = pack_speak(_speakable(clause.text), speech.voice, speech.words_per_minute)
        worker.send(Kind.SPEAK, speech.number, body)
        spans = SpanReader(clause.text)
        while True:
            frame = await worker.receive(_SILENCE_LIMIT_S)
            if frame.job != speech.number:
                raise WorkerGone(f"it spoke of job {frame.job} during {speech.number}")
            match frame.kind:
                case Kind.AUDIO:
                    _put(speech, clause, spans, frame)
                case Kind.DONE:
                    speech.clause_spoken()
                    return
                case Kind.FAILED:
                    speech.end(EngineUnavailable(frame.body.decode(errors="replace")))
                    return
                case _:
                    raise WorkerGone(f"it sent a frame of kind {frame.kind}")

    async def _answer(self, worker: WorkerProcess, question: Question) -> None:
        try:
            worker.send(Kind.ASK, 0, pack_ask(question.text, question.voice))
            frame = await worker.receive(_SILENCE_LIMIT_S)
            match frame.kind:
                case Kind.SAID:
                    question.said(frame.body)
                case Kind.FAILED:
                    question.fail(EngineUnavailable(frame.body.decode(errors="replace")))
                case _:
                    raise WorkerGone(f"it sent a frame of kind {frame.kind}")
        except Exception:
            self._questions.put_back(question)
            raise

    def _fail_begun(self, error: EngineUnavailable) -> None:
        for speech in self.speeches():
            if speech.begun:
                self.abandon(speech, error)

    async def _start_again(self, pause_s: float) -> WorkerProcess:
        while True:
            await asyncio.sleep(pause_s)
            metrics.engine_restarts_total.labels("espeak").inc()
            try:
                self._worker = await WorkerProcess.start(self.nudge)
            except Exception as error:
                self._broken = f"espeak does not start: {error}"
                logger.error("The espeak worker does not start: {}", error)
                pause_s = _longer(pause_s)
            else:
                self._broken = ""
                return self._worker


def _put(speech: SynthesisJob, clause: Clause, spans: SpanReader, frame: Frame) -> None:
    pcm, marks = unpack_audio(frame.body)
    start, end = spans.read(marks)
    if not pcm:
        return
    speech.put(
        SpokenChunk(
            samples=np.frombuffer(pcm, dtype="<i2").astype(np.float32) * _FULL_SCALE,
            text_start=clause.start + start,
            text_end=clause.start + end,
        )
    )


def _speakable(text: str) -> str:
    """The same number of characters, without those that steer espeak-ng or end its text."""
    return _CONTROL.sub(" ", text)


def _longer(pause_s: float) -> float:
    return min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
