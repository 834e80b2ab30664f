"""Whose turn it is: asks for answers, interrupts them, remembers what was said and heard."""

import asyncio
import time
from collections.abc import Callable

from pipecat.frames.frames import Frame, LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent import metrics
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    SegmentStartFrame,
)
from voice_agent.wire.agent import Interrupt, TypedText

# Messages that stay in the context; older ones are forgotten. Enough for a long call at
# the pace of speech, and far from any model's limit.
_MAX_MESSAGES = 80


class Conversation(FrameProcessor):
    """Stands before the language model and owns the state of the conversation.

    A final, or typed text, becomes a question to the model (`LLMContextFrame`). Speech
    while an answer is being made or heard interrupts it. The context keeps of an answer
    only what was heard, as the `AnswerEndFrame` that comes back says.

    Args:
        session_id: Whose conversation it is.
        system_prompt: What the model is told about its job; may be empty.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        session_id: str,
        system_prompt: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name=f"Conversation#{session_id}", enable_direct_mode=True)
        self._clock = clock
        self._system = [{"role": "system", "content": system_prompt}] if system_prompt else []
        self._messages: list[dict[str, str]] = []
        self._said: list[str] = []  # parts of a turn that was too long for one final
        self._turn = 0
        self._answering = False
        # questions whose answer has not come back yet; at most a few
        self._questions: dict[int, dict[str, str]] = {}
        # finals, typed text and speech come from different tasks: one change at a time
        self._changing = asyncio.Lock()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the caller and the answer; passes everything on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        match frame:
            case SegmentStartFrame() | ClientMessageFrame(message=Interrupt()):
                async with self._changing:
                    await self._interrupt()
            case FinalFrame():
                self._said += [frame.text] if frame.text.strip() else []
                if frame.turn_complete and self._said:
                    text, self._said = " ".join(self._said), []
                    await self._ask(text, typed=False)
            case ClientMessageFrame(message=TypedText() as message):
                await self._ask(message.text, typed=True)
            case AnswerEndFrame() if direction is FrameDirection.UPSTREAM:
                self._remember(frame)
            case _:
                pass

    async def _ask(self, text: str, *, typed: bool) -> None:
        async with self._changing:
            # what was heard of the answer before is known after it
            await self._interrupt()
            question = {"role": "user", "content": text}
            self._messages.append(question)
            del self._messages[:-_MAX_MESSAGES]
            self._turn += 1
            self._answering = True
            self._questions[self._turn] = question
            await self.push_frame(AnswerStartFrame(turn=self._turn, typed=typed))
            context = LLMContext([*self._system, *self._messages])  # pyright: ignore[reportArgumentType]
            await self.push_frame(LLMContextFrame(context=context))

    async def _interrupt(self) -> None:
        if self._answering:
            self._answering = False
            started_s = self._clock()
            await self.broadcast_interruption()
            metrics.barge_in_s.observe(self._clock() - started_s)

    def _remember(self, end: AnswerEndFrame) -> None:
        question = self._questions.pop(end.turn, None)
        places = [i for i, message in enumerate(self._messages) if message is question]
        if end.heard_text and places:
            # after its question, even if the caller has said more since
            answer = {"role": "assistant", "content": end.heard_text}
            self._messages.insert(places[0] + 1, answer)
        if end.turn == self._turn:
            self._answering = False
