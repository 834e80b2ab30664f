"""Keeps the memory of a conversation complete, and short."""

from typing import cast
from uuid import uuid4

from pipecat.frames.frames import (
    Frame,
    LLMContextSummaryRequestFrame,
    LLMContextSummaryResultFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.utils.context.llm_context_summarization import DEFAULT_SUMMARIZATION_PROMPT

from voice_agent.frames import AnswerEndFrame, ToolUsedFrame
from voice_agent.turns.memory import Memory

# of a summary; about as long as ten turns
_MAX_TOKENS = 400


async def remember(frame: Frame, memory: Memory, conversation: FrameProcessor) -> None:
    """Follows what comes back from the answers of a conversation.

    Tools that were used are remembered. After an answer, the oldest turns of a long
    conversation are handed to the model for a summary, which it makes beside the next answers.

    Args:
        frame: On its way upstream.
        memory: Of the conversation.
        conversation: Pushes what is to be summarised.
    """
    match frame:
        case ToolUsedFrame():
            memory.use_tool(frame.turn, frame.messages)
        case LLMContextSummaryResultFrame():
            memory.summarised(frame.summary)
        case AnswerEndFrame() if due := memory.due():
            await conversation.push_frame(
                LLMContextSummaryRequestFrame(
                    request_id=str(uuid4()),
                    context=LLMContext(cast(list[LLMContextMessage], due)),
                    min_messages_to_keep=0,
                    target_context_tokens=_MAX_TOKENS,
                    summarization_prompt=DEFAULT_SUMMARIZATION_PROMPT,
                )
            )
        case _:
            pass
