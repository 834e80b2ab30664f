"""The queue in front of an engine: a pure core and its asyncio front.

`JobQueue` knows order, bounds, replacement and deadlines and is fed with the time.
`EngineQueue` lets sessions await results and lets the one owner task take work.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from voice_agent import metrics
from voice_agent.engines.base import Priority
from voice_agent.errors import EngineTimeout, EngineUnavailable

_WEIGHT = 0.1  # of the newest run in the running mean

J = TypeVar("J")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry(Generic[J, R]):
    """A job in the queue; equal to itself only, because jobs hold arrays.

    Attributes:
        job: What to do.
        session_id: Whose job it is.
        priority: Lower values first.
        deadline_s: When nobody waits for it any more, on the queue's clock.
        queued_s: When it came.
        order: Breaks ties: first come, first served.
        result: Where the answer goes; done or cancelled once nobody waits.
    """

    job: J
    session_id: str
    priority: Priority
    deadline_s: float
    queued_s: float
    order: int
    result: "asyncio.Future[R | None]"


class JobQueue(Generic[J, R]):
    """Order, bounds and replacement of jobs, without any waiting.

    Finals come before interactive jobs, those before partials, those before batch jobs;
    within a priority the oldest deadline first. A session has at most one partial: a
    newer one replaces it.
    """

    def __init__(self, max_jobs: int) -> None:
        # full: push refuses, so that callers hear of overload at once
        self._max_jobs = max_jobs
        self._entries: list[Entry[J, R]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, entry: Entry[J, R]) -> Entry[J, R] | None:
        """Adds an entry.

        Returns:
            The partial that it replaced, if any; its waiter must be told.

        Raises:
            EngineUnavailable: The queue is full.
        """
        replaced = None
        if entry.priority is Priority.PARTIAL:
            for other in self._entries:
                if other.session_id == entry.session_id and other.priority is Priority.PARTIAL:
                    replaced = other
                    self._entries.remove(other)
                    break
        if len(self._entries) >= self._max_jobs:
            raise EngineUnavailable("too many jobs are waiting, try again", retry_after_ms=1000)
        self._entries.append(entry)
        return replaced

    def pop(
        self, now_s: float, accept: Callable[[J], bool] | None = None, *, run_s: float = 0.0
    ) -> Entry[J, R] | None:
        """Takes the first entry that `accept` likes.

        Entries past their deadline are dropped, and so are those that would be when they had run
        for `run_s`: under lasting overload all work would else be for nobody. An entry that has
        waited for less than half of its time is not.
        """
        self._entries = [e for e in self._entries if not self._is_dead(e, now_s, run_s)]
        candidates = [e for e in self._entries if accept is None or accept(e.job)]
        if not candidates:
            return None
        first = min(candidates, key=lambda e: (e.priority, e.deadline_s, e.order))
        self._entries.remove(first)
        return first

    def drop(self, session_id: str) -> list[Entry[J, R]]:
        """Removes and returns all entries of a session."""
        dropped = [e for e in self._entries if e.session_id == session_id]
        self._entries = [e for e in self._entries if e.session_id != session_id]
        return dropped

    def remove(self, entry: Entry[J, R]) -> None:
        """Removes this entry if it still waits."""
        if entry in self._entries:
            self._entries.remove(entry)

    def clear(self) -> list[Entry[J, R]]:
        """Removes and returns everything."""
        entries, self._entries = self._entries, []
        return entries

    @staticmethod
    def _is_dead(entry: Entry[J, R], now_s: float, run_s: float) -> bool:
        needs_s = min(run_s, (entry.deadline_s - entry.queued_s) / 2)
        return entry.result.done() or entry.deadline_s < now_s + needs_s


class EngineQueue(Generic[J, R]):
    """Where sessions hand in jobs and the engine's owner takes them.

    Args:
        engine: Name for metrics and messages.
        max_jobs: Jobs that may wait.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, engine: str, *, max_jobs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._queue = JobQueue[J, R](max_jobs)
        self._clock = clock
        self._order = 0
        self._run_s = 0.0  # how long a job runs, by a running mean
        self._work = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._queue)

    async def submit(
        self, job: J, *, session_id: str, priority: Priority, timeout_s: float
    ) -> R | None:
        """Waits for a job's result; cancelling the waiter takes the job out of the queue.

        Returns:
            What the owner gave to `finish`; None if a newer partial replaced it or its
            session was forgotten.

        Raises:
            EngineTimeout: No result within `timeout_s`.
            EngineUnavailable: Closed or full.
        """
        if self._closed:
            raise EngineUnavailable(f"{self._engine} is closed")
        now_s = self._clock()
        self._order += 1
        entry: Entry[J, R] = Entry(
            job=job,
            session_id=session_id,
            priority=priority,
            deadline_s=now_s + timeout_s,
            queued_s=now_s,
            order=self._order,
            result=asyncio.get_running_loop().create_future(),
        )
        try:
            replaced = self._queue.push(entry)
        except EngineUnavailable:
            self.count(entry, "refused")
            raise
        if replaced is not None:
            self.finish(replaced, None, outcome="replaced")
        self._work.set()
        return await self._wait(entry, timeout_s)

    async def _wait(self, entry: Entry[J, R], timeout_s: float) -> R | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await entry.result
        except TimeoutError:
            self.count(entry, "timeout")
            raise EngineTimeout(f"{self._engine} took longer than {timeout_s:g} s") from None
        except asyncio.CancelledError:
            self.count(entry, "cancelled")
            raise
        finally:
            self._queue.remove(entry)

    async def take(self) -> Entry[J, R]:
        """Waits for the next entry; only the owner calls this."""
        while True:
            self._work.clear()
            entry = self.take_now()
            if entry is not None:
                return entry
            await self._work.wait()

    def take_now(self, accept: Callable[[J], bool] | None = None) -> Entry[J, R] | None:
        """The next entry that `accept` likes, if one waits; to fill a batch."""
        entry = self._queue.pop(self._clock(), accept, run_s=self._run_s)
        if entry is not None:
            waited_s = self._clock() - entry.queued_s
            metrics.engine_queue_wait_s.labels(self._engine, entry.priority.name.lower()).observe(
                waited_s
            )
        return entry

    def finish(self, entry: Entry[J, R], result: R | None, *, outcome: str = "done") -> None:
        """Answers an entry; does nothing if nobody waits any more."""
        if not entry.result.done():
            entry.result.set_result(result)
            self.count(entry, outcome)

    def fail(self, entry: Entry[J, R], error: Exception) -> None:
        """Answers an entry with an error; does nothing if nobody waits any more."""
        if not entry.result.done():
            entry.result.set_exception(error)
            self.count(entry, "failed")

    def ran(self, entry: Entry[J, R], run_s: float) -> None:
        """Notes how long an entry ran."""
        self._run_s += _WEIGHT * (run_s - self._run_s)
        metrics.engine_run_s.labels(self._engine, entry.priority.name.lower()).observe(run_s)

    def count(self, entry: Entry[J, R], outcome: str) -> None:
        """Counts how an entry ended."""
        metrics.engine_jobs_total.labels(self._engine, entry.priority.name.lower(), outcome).inc()

    def forget(self, session_id: str) -> None:
        """Takes a session's jobs out of the queue; their waiters get None."""
        for entry in self._queue.drop(session_id):
            self.finish(entry, None, outcome="cancelled")

    def close(self) -> None:
        """Refuses new jobs and fails those that wait."""
        self._closed = True
        for entry in self._queue.clear():
            self.fail(entry, EngineUnavailable(f"{self._engine} is closed"))
