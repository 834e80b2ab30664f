"""Answers are made beside the pipeline, so that nothing waits behind a language model."""

import asyncio

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import PhraseFrame

_ANSWER_FRAMES = (
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMFullResponseEndFrame,
    PhraseFrame,
)


class AnswersAside(FrameProcessor):
    """Mix-in, before the class that answers an `LLMContextFrame` in `process_frame`.

    Each question gets a task of its own; every other frame passes at once, in the task
    that brings it. With queues instead, frames would pile up while a client does not
    read. After an `InterruptionFrame` nothing more comes of the answer before it.
    """

    _answer: "asyncio.Task[None] | None" = None
    _hushed = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answers a context aside; what else comes is the other class's business."""
        if isinstance(frame, LLMContextFrame):
            await self._hush()
            self._hushed = False
            self._answer = self.create_task(super().process_frame(frame, direction))
            return
        if isinstance(frame, PhraseFrame):  # of somebody else: no answer's last breath
            await super().push_frame(frame, direction)
            return
        if isinstance(frame, InterruptionFrame):
            await self._hush()
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Keeps back what an interrupted answer still says in its last breath."""
        if not (self._hushed and isinstance(frame, _ANSWER_FRAMES)):
            await super().push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Ends the answer that is being made."""
        await self._hush()
        await super().cleanup()

    async def _hush(self) -> None:
        self._hushed = True
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            await self.cancel_task(answer)
