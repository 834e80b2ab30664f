"""What keeps an event loop from running: a thread that watches it from outside.

A heartbeat in the loop is late when something has the thread, or when the thread has no
processor: the processor time that the thread used meanwhile tells one from the other.
"""

import asyncio
import gc
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_BEAT_S = 0.005
_LATE_S = 0.020


@dataclass
class Stalls:
    """Made in a thread with a running loop; `stop` ends it.

    Attributes:
        n_beats: Heartbeats that came.
        ours_ms: How late it was when code that ran in it took more than 20 ms of a processor.
        waited_ms: The same when it had no processor or no lock, or waited in a system call.
        where: Which code kept it, by its innermost lines.
    """

    n_beats: int = 0
    ours_ms: list[float] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)
    where: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._thread_id = threading.get_ident()
        self._over = threading.Event()
        self._due_s = time.monotonic()
        self._cpu_s = time.clock_gettime(self._clock)
        self._beating = asyncio.get_running_loop().create_task(self._beat())
        self._collecting_s = 0.0
        gc.callbacks.append(self._collect)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Ends it."""
        self._over.set()
        self._beating.cancel()
        gc.callbacks.remove(self._collect)

    def summary(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "beats": self.n_beats,
            "ours_ms": self.ours_ms,
            "waited_ms": self.waited_ms,
            "where": self.where.most_common(20),
        }

    def _ran_s(self) -> float:
        """Processor time of the loop's thread since the last heartbeat."""
        return time.clock_gettime(self._clock) - self._cpu_s

    def _collect(self, phase: str, info: dict[str, int]) -> None:
        """Times the garbage collector: it lets no other thread look."""
        if phase == "start":
            self._collecting_s = time.thread_time()
        elif time.thread_time() - self._collecting_s > _LATE_S:
            self.where[f"the garbage collector, generation {info['generation']}"] += 1

    async def _beat(self) -> None:
        while True:
            self._cpu_s = time.clock_gettime(self._clock)
            self._due_s = time.monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            late_s = time.monotonic() - self._due_s
            self.n_beats += 1
            if late_s > _LATE_S:
                kind = self.ours_ms if self._ran_s() > _LATE_S else self.waited_ms
                kind.append(round(late_s * 1000, 1))

    def _watch(self) -> None:
        while not self._over.wait(_LATE_S / 4):
            due_s = self._due_s
            if time.monotonic() - due_s < _LATE_S or self._ran_s() < _LATE_S:
                continue
            stack = traceback.extract_stack(sys._current_frames()[self._thread_id])[-4:]
            lines = [
                f"{frame.filename.split('/site-packages/')[-1]}:{frame.lineno}" for frame in stack
            ]
            self.where[" < ".join(reversed(lines))] += 1
            while self._due_s == due_s and not self._over.wait(_LATE_S / 4):
                pass
