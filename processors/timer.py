"""Calls something later, unless it is put off or stopped."""

import asyncio
from collections.abc import Awaitable, Callable

from pipecat.processors.frame_processor import FrameProcessor


class Timer:
    """One alarm at a time, as a task of a processor.

    Args:
        owner: Its task manager runs the task.
        ring: What to do. It may set and stop its own alarm.
    """

    def __init__(self, owner: FrameProcessor, ring: Callable[[], Awaitable[None]]) -> None:
        self._owner = owner
        self._ring = ring
        self._task: asyncio.Task[None] | None = None

    async def set(self, in_s: float | None) -> None:
        """Rings once in so many seconds, instead of when it would have; None: not at all."""
        await self.stop()
        if in_s is not None:
            self._task = self._owner.create_task(self._wait(in_s))

    async def stop(self) -> None:
        """Does not ring; what it does already is finished."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            await self._owner.cancel_task(task)

    async def _wait(self, in_s: float) -> None:
        await asyncio.sleep(in_s)
        self._task = None
        await self._ring()
