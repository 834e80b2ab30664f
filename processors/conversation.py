"""Whose turn it is: asks for answers, interrupts them, remembers what was said and heard."""

from loguru import logger
from pipecat.frames.frames import ErrorFrame, Frame, LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.errors import EngineUnavailable
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    SegmentStartFrame,
    ServerMessageFrame,
)
from voice_agent.wire.agent import Interrupt, TypedText
from voice_agent.wire.common import Error

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
    """

    def __init__(self, *, session_id: str, system_prompt: str) -> None:
        super().__init__(name=f"Conversation#{session_id}", enable_direct_mode=True)
        self._system = [{"role": "system", "content": system_prompt}] if system_prompt else []
        self._messages: list[dict[str, str]] = []
        self._said: list[str] = []  # parts of a turn that was too long for one final
        self._turn = 0
        self._answering = False
        # questions whose answer has not come back yet; at most a few
        self._questions: dict[int, dict[str, str]] = {}

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the caller and the answer; passes everything on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        match frame:
            case SegmentStartFrame():
                await self._interrupt()
            case ClientMessageFrame(message=Interrupt()):
                await self._interrupt()
            case FinalFrame():
                self._said += [frame.text] if frame.text.strip() else []
                if frame.turn_complete and self._said:
                    text, self._said = " ".join(self._said), []
                    await self._ask(text)
            case ClientMessageFrame(message=TypedText() as typed):
                await self._ask(typed.text)
            case AnswerEndFrame() if direction is FrameDirection.UPSTREAM:
                self._remember(frame)
            case ErrorFrame() if self._answering:
                logger.error("the language model failed: {}", frame.error)
                error = EngineUnavailable("the language model does not answer", retry_after_ms=2000)
                await self.push_frame(ServerMessageFrame(message=Error.of(error)))
            case _:
                pass

    async def _ask(self, text: str) -> None:
        await self._interrupt()
        question = {"role": "user", "content": text}
        self._messages.append(question)
        del self._messages[:-_MAX_MESSAGES]
        self._turn += 1
        self._answering = True
        self._questions[self._turn] = question
        await self.push_frame(AnswerStartFrame(turn=self._turn))
        context = LLMContext([*self._system, *self._messages])  # pyright: ignore[reportArgumentType]
        await self.push_frame(LLMContextFrame(context=context))

    async def _interrupt(self) -> None:
        if self._answering:
            self._answering = False
            await self.broadcast_interruption()

    def _remember(self, end: AnswerEndFrame) -> None:
        question = self._questions.pop(end.turn, None)
        places = [i for i, message in enumerate(self._messages) if message is question]
        if end.heard_text and places:
            # after its question, even if the caller has said more since
            answer = {"role": "assistant", "content": end.heard_text}
            self._messages.insert(places[0] + 1, answer)
        if end.turn == self._turn:
            self._answering = False
