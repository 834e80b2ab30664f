"""Whose turn it is: asks for answers, interrupts them, remembers what was said and heard."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from pipecat.frames.frames import Frame, LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.remembering import remember

from voice_agent import metrics
from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    PhraseFrame,
    SayFrame,
    SegmentStartFrame,
)
from voice_agent.settings import ConversationSettings
from voice_agent.turns.memory import Memory
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
        manners: What is said without being asked.
        max_context_chars: A longer conversation is summarised.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        session_id: str,
        system_prompt: str,
        manners: ConversationSettings,
        max_context_chars: int = 12_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name=f"Conversation#{session_id}", enable_direct_mode=True)
        self._clock = clock
        self._manners = manners
        self._memory = Memory(system_prompt, _MAX_MESSAGES, max_context_chars)
        self._said: list[str] = []  # parts of a turn that was too long for one final
        self._turn = 0
        self._answering = False
        self._only_phrase = False  # the answer has nothing but a phrase yet
        # finals, typed text and speech come from different tasks: one change at a time
        self._changing = asyncio.Lock()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the caller and the answer; passes everything on."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await remember(frame, self._memory, self)
        if isinstance(frame, PhraseFrame) and direction is FrameDirection.UPSTREAM:
            # aside: whoever pushed it may hold what a new answer needs
            self.create_task(self._say_phrase(frame))
            return
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
            if self._answering and self._only_phrase:
                self._only_phrase = False
                self._memory.ask(self._turn, text)
                await self.push_frame(AnswerContinuesFrame(turn=self._turn, typed=typed))
            else:
                # what was heard of the answer before is known after it
                await self._interrupt()
                self._begin()
                self._memory.ask(self._turn, text)
                await self.push_frame(AnswerStartFrame(turn=self._turn, typed=typed))
            messages = cast(list[LLMContextMessage], self._memory.messages)
            await self.push_frame(LLMContextFrame(context=LLMContext(messages)))

    async def _say_phrase(self, frame: PhraseFrame) -> None:
        """Begins an answer for a phrase that found none."""
        text = frame.text or getattr(self._manners, frame.phrase, "")
        if not text:
            return
        async with self._changing:
            if self._answering:  # one has begun since
                await self.push_frame(frame)
                return
            self._begin()
            self._only_phrase = True
            await self.push_frame(AnswerStartFrame(turn=self._turn, asked=False))
            await self.push_frame(SayFrame(text=text, told=False))

    def _begin(self) -> None:
        self._turn += 1
        self._answering, self._only_phrase = True, False

    async def _interrupt(self) -> None:
        if self._answering:
            self._answering = False
            started_s = self._clock()
            await self.broadcast_interruption()
            metrics.barge_in_s.observe(self._clock() - started_s)

    def _remember(self, end: AnswerEndFrame) -> None:
        self._memory.heard(end.turn, end.heard_text)
        if end.turn == self._turn:
            self._answering = False
