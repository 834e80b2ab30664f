"""Answers are made beside the pipeline, so that nothing waits behind a language model."""

import asyncio
from collections import deque

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import PhraseFrame, SpeculationFrame, SpeculativeContextFrame

_ANSWER_FRAMES = (
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMFullResponseEndFrame,
    PhraseFrame,
)
# of an answer that is kept back; a longer one waits until there is room
_MAX_KEPT = 1000


class SpeculativeResponse(FrameProcessor):
    """Mix-in, before the class that answers an `LLMContextFrame` in `process_frame`.

    Each question gets a task of its own; every other frame passes at once, in the task
    that brings it. With queues instead, frames would pile up while a client does not
    read. After an `InterruptionFrame` nothing more comes of the answer before it.

    The answer to a `SpeculativeContextFrame` is kept back until a `SpeculationFrame` comes.
    """

    _answer: "asyncio.Task[None] | None" = None
    _releasing: "asyncio.Task[None] | None" = None
    _kept: deque[Frame] | None = None
    _asked: asyncio.Event
    _room: asyncio.Event
    _cancelled = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answers a context aside; what else comes is the other class's business."""
        match frame:
            case LLMContextFrame():
                await self._cancel_response()
                self._cancelled, self._asked, self._room = False, asyncio.Event(), asyncio.Event()
                if isinstance(frame, SpeculativeContextFrame):
                    self._kept = deque()
                else:
                    self._asked.set()
                self._answer = self.create_task(super().process_frame(frame, direction))
                return
            case SpeculationFrame(confirmed=True) if self._kept is not None:
                self._asked.set()
                self._releasing = self.create_task(self._release_response())
                return
            case PhraseFrame():  # of somebody else: no answer's last breath
                await super().push_frame(frame, direction)
                return
            case InterruptionFrame() | SpeculationFrame():
                await self._cancel_response()
            case _:
                pass
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Keeps back what an interrupted answer still says in its last breath."""
        if self._cancelled and isinstance(frame, _ANSWER_FRAMES):
            return
        while self._kept is not None and self._is_of_answer(frame):
            if len(self._kept) < _MAX_KEPT:
                self._kept.append(frame)
                return
            self._room.clear()
            await self._room.wait()
        await super().push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Ends the answer that is being made."""
        await self._cancel_response()
        await super().cleanup()

    async def until_asked(self) -> None:
        """Waits until it is sure that somebody asked: before an answer does anything."""
        await self._asked.wait()

    async def _cancel_response(self) -> None:
        self._cancelled = True
        tasks, self._answer, self._releasing = [self._answer, self._releasing], None, None
        for task in tasks:
            if task is not None and not task.done():
                await self.cancel_task(task)
        self._kept = None

    def _is_of_answer(self, frame: Frame) -> bool:
        return isinstance(frame, _ANSWER_FRAMES) or asyncio.current_task() is self._answer

    async def _release_response(self) -> None:
        """Pushes what was kept back; the answer goes on behind it."""
        while self._kept:
            frame = self._kept.popleft()
            self._room.set()
            # who waits for nothing needs no filler
            if not (isinstance(frame, PhraseFrame) and frame.phrase == "filler"):
                await super().push_frame(frame)
        self._kept = None
