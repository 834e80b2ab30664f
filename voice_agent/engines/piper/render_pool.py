"""The threads that make audio, a window at a time, and the event loop's side of them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from loguru import logger

from voice_agent import metrics
from voice_agent.engines.base import SpeakJob, SpokenChunk
from voice_agent.engines.piper.fair_scheduler import FairScheduler
from voice_agent.engines.piper.rendering import Piece
from voice_agent.engines.piper.synthesis_job import Passage, SynthesisJob
from voice_agent.errors import EngineTimeout, EngineUnavailable

NAME = "piper"
_LOST_S = 30.0  # a window takes 60 ms of a core; nothing that long comes back


class RenderPool:
    """Makes the windows of all speeches; belongs to the event loop.

    A thread makes one window and comes back, so that what is next is decided each time anew,
    and what nobody wants any more is not begun. The event loop is hardly kept: onnxruntime gives
    the interpreter's lock away while it computes, and of a window's 60 ms 0.8 ms are Python and
    numpy, at the start of a long clause 3 ms.

    Args:
        n_threads: Windows that are made at once, each on one core.
        max_jobs: Jobs that may be open at once; more are refused.
        ahead_s: Audio that may wait for a reader before its next window is made.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        n_threads: int,
        max_jobs: int,
        ahead_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._n_threads = n_threads
        self._order = FairScheduler(max_speeches=max_jobs, ahead_s=ahead_s)
        self._clock = clock
        self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix=NAME)
        self._running: dict[asyncio.Future[list[Piece]], float] = {}
        self._closed = False

    @property
    def lost(self) -> bool:
        """A thread hangs in the model."""
        now_s = self._clock()
        return any(now_s - began_s > _LOST_S for began_s in self._running.values())

    def open(self, job: SpeakJob, rate_hz: int) -> SynthesisJob:
        """Lets a job in; `drop` it afterwards.

        Raises:
            EngineUnavailable: It is closed, or too many jobs are open.
        """
        if self._closed:
            raise EngineUnavailable(f"{NAME} is closed")
        speech = SynthesisJob(job, rate_hz, self._clock())
        if not self._order.admit(speech):
            raise EngineUnavailable("too many jobs are waiting, try again", retry_after_ms=1000)
        return speech

    def begin(self, speech: SynthesisJob, passage: Passage) -> None:
        """Has a clause made."""
        speech.add(passage)
        self._nudge()

    async def read(
        self, speech: SynthesisJob, passage: Passage, timeout_s: float
    ) -> SpokenChunk | None:
        """The next word or pause of a clause; None at its end.

        Raises:
            EngineTimeout: It did not come in time.
            VoiceAgentError: It cannot be made, or the speech was ended.
        """
        try:
            async with asyncio.timeout(timeout_s):
                chunk = await passage.read()
        except TimeoutError:
            raise EngineTimeout(f"{NAME} took longer than {timeout_s:g} s") from None
        if chunk is not None:
            speech.taken(chunk)
            self._nudge()  # its next window may be due now
        return chunk

    def heard_from_others(self, speech: SynthesisJob, chunk_s: float) -> None:
        """Notes what the listener of a speech got from elsewhere."""
        speech.said_by_others(chunk_s, self._clock())

    def drop(self, speech: SynthesisJob) -> None:
        """Takes a speech out; the window that is being made is the last."""
        speech.end()
        self._order.remove(speech)

    def forget(self, session_id: str) -> None:
        """Ends the session's speeches; who still reads them gets `engine_unavailable`."""
        for speech in self._order.speeches():
            if speech.job.session_id == session_id:
                speech.end(EngineUnavailable("the session is gone"))

    async def close(self) -> None:
        """Ends everything; returns when no thread is in the model."""
        self._closed = True
        for speech in self._order.speeches():
            speech.end(EngineUnavailable(f"{NAME} is closed"))
        if self._running:
            await asyncio.wait(list(self._running), timeout=_LOST_S)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _nudge(self) -> None:
        """Gives work to threads that have none."""
        while not self._closed and len(self._running) < self._n_threads:
            speech = self._order.next()
            if speech is None or speech.passage is None:
                return
            self._make(speech, speech.passage)

    def _make(self, speech: SynthesisJob, passage: Passage) -> None:
        if not speech.begun:
            waited_s = self._clock() - speech.came_s
            kind = speech.job.priority.name.lower()
            metrics.engine_queue_wait_s.labels(NAME, kind).observe(waited_s)
        speech.busy = speech.begun = True
        loop = asyncio.get_running_loop()
        making = loop.run_in_executor(self._threads, passage.rendering.step)
        self._running[making] = self._clock()
        making.add_done_callback(lambda made: self._made(speech, passage, made))

    def _made(
        self, speech: SynthesisJob, passage: Passage, made: "asyncio.Future[list[Piece]]"
    ) -> None:
        del self._running[made]
        speech.busy = False
        if made.cancelled():
            return
        error = made.exception()
        if error is None:
            speech.made(passage, made.result(), self._clock())
        else:
            logger.opt(exception=error).error("Piper fails")
            speech.failed(passage, EngineUnavailable(f"{NAME} failed, try again"))
        self._nudge()
