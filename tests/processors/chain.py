"""Processors in direct mode between two ends that keep what reaches them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from pipecat.clocks.system_clock import SystemClock
from pipecat.frames.frames import Frame, StartFrame
from pipecat.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)
from pipecat.utils.asyncio.task_manager import TaskManager

F = TypeVar("F", bound=Frame)


class End(FrameProcessor):
    """Where frames leave."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self.frames: list[Frame] = []
        self._news = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        self._news.set()

    async def until(self, kind: type[F]) -> F:
        """The first frame of a kind, as soon as it is there."""
        async with asyncio.timeout(5):
            while not self.of(kind):
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[0]

    def of(self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


class Chain:
    """Made by `chained`."""

    def __init__(self, *processors: FrameProcessor) -> None:
        self.up, self.down = End(), End()
        self.processors = [self.up, *processors, self.down]

    async def send(self, *frames: Frame) -> None:
        """Sends frames downstream, each to its end."""
        for frame in frames:
            await self.processors[1].queue_frame(frame, FrameDirection.DOWNSTREAM)


@asynccontextmanager
async def chained(*processors: FrameProcessor) -> AsyncGenerator[Chain]:
    """Starts the processors, and cleans up after them; no task may be left."""
    chain = Chain(*processors)
    tasks = TaskManager()
    # no processor here asks for its worker
    setup = FrameProcessorSetup(
        clock=SystemClock(), task_manager=tasks, pipeline_worker=cast(Any, None)
    )
    for processor in chain.processors:
        await processor.setup(setup)
        processor._setup_finished()  # what a pipeline does
    for one, other in zip(chain.processors, chain.processors[1:], strict=False):
        one.link(other)
    await chain.send(StartFrame())
    chain.down.frames.clear()
    try:
        yield chain
    finally:
        for processor in chain.processors:
            await processor.cleanup()
    assert [task for task in tasks.current_tasks() if not task.done()] == []
