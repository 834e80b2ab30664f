"""A language model: it writes answers, calls tools for them, and nobody waits in silence."""

import asyncio
from contextlib import aclosing
from typing import Any, cast

from loguru import logger
from openai import AsyncOpenAI, NotGiven
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import Frame, LLMContextSummaryRequestFrame
from pipecat.processors.aggregators.llm_context import NOT_GIVEN, LLMContext, LLMContextMessage
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.llm import OpenAILLMService

from processors.filler import Filler
from processors.llm_backend import LLMBackend
from processors.speculation import SpeculativeResponse
from processors.tool_use import ToolUse
from voice_agent import metrics
from voice_agent.errors import EngineUnavailable
from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerStartFrame,
    HangUpFrame,
    PhraseFrame,
    ServerMessageFrame,
    TransferFrame,
)
from voice_agent.llm.request import Message, Question
from voice_agent.llm.tool_calls import ToolCall
from voice_agent.llm.tool_messages import tool_messages
from voice_agent.wire.common import Error

# A model that has called tools as often as this for one answer is made to write it.
_MAX_ROUNDS = 6
_PARAGRAPH = "\n\n"


class LanguageModel(SpeculativeResponse, OpenAILLMService):
    """Pushes an answer as it is written; between its parts, runs the tools that it asks for.

    When that takes long, before it or in the middle, a filler is pushed, once an answer; when
    no endpoint answers, an `error` and an apology. Tools may push frames of their own, through
    the `llm` they get.

    Args:
        mind: The endpoints and tools of the process, loaded.
    """

    def __init__(self, mind: LLMBackend) -> None:
        llm = mind.llm
        self._mind = mind
        settings = OpenAILLMService.Settings(model=llm.model)
        if llm.temperature is not None:
            settings.temperature = llm.temperature
        settings.extra = {"extra_body": llm.extra} if llm.extra else {}
        super().__init__(settings=settings, enable_direct_mode=True)
        self._turn = 0
        self._leaving = False  # the answer ends the call, or has it transferred
        self._filler = Filler(self, llm.filler_after_ms / 1000)
        self._tools = ToolUse(self, mind)

    def create_client(self, *_args: Any, **_kwargs: Any) -> AsyncOpenAI:
        """None of its own: the endpoints of the process are asked."""
        return cast(AsyncOpenAI, None)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Notes which answer is due; answers, see `SpeculativeResponse`."""
        if isinstance(frame, AnswerStartFrame | AnswerContinuesFrame):
            self._turn = frame.turn
        await super().process_frame(frame, direction)

    async def cleanup(self) -> None:
        """Ends the answer, and tools that have outlived theirs."""
        await super().cleanup()
        await self._tools.close()

    async def push_error(
        self, error_msg: str, exception: Exception | None = None, *_args: Any, **_kwargs: Any
    ) -> None:
        """Tells the caller; the conversation goes on."""
        del error_msg  # it may quote what was said
        if not isinstance(exception, EngineUnavailable):
            logger.error("an answer failed: {}", type(exception).__name__)
            exception = EngineUnavailable("the language model does not answer")
        await self.push_frame(ServerMessageFrame(message=Error.of(exception)))
        await self.push_frame(PhraseFrame(phrase="apology"))

    async def run_inference(
        self,
        context: LLMContext,
        max_tokens: int | None = None,
        system_instruction: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> str | None:
        """An answer that is not spoken.

        Raises:
            EngineUnavailable: No endpoint answers.
        """
        del response_schema  # nothing here asks for one
        question = await self._question(context.get_messages(), system_instruction)
        text = ""
        async with aclosing(self._mind.write(question.limited(max_tokens))) as pieces:
            async for piece in pieces:
                text += piece if isinstance(piece, str) else ""
        return text

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Notes that a tool ends the call: then nothing more need be said."""
        if isinstance(frame, HangUpFrame | TransferFrame):
            self._leaving = True
        await super().push_frame(frame, direction)

    async def _process_context(self, context: LLMContext) -> None:
        self._leaving = False
        with self._filler.answer():
            for _ in range(_MAX_ROUNDS):
                text, calls = await self._write(await self._next_question(context))
                if not calls:
                    return
                await self.until_asked()
                self._filler.wait()
                results = await self._tools.use(calls, self._turn, context)
                told = tool_messages(calls, results, text)
                context.add_messages(cast(list[LLMContextMessage], told))
            await self._write(await self._next_question(context, tool_choice="none"))

    async def _write(self, question: Question) -> tuple[str, list[ToolCall]]:
        """Pushes text as it comes; gives all of it, and the calls after it."""
        text = ""
        calls: list[ToolCall] = []
        async with aclosing(self._mind.write(question)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ToolCall):
                    calls.append(piece)
                    continue
                self._filler.stop()
                text += piece
                await self._push_llm_text(piece)
                self._filler.wait()
        if calls and text.strip() and not text.endswith(_PARAGRAPH):
            # what is said before a tool is heard before it, and not run into what follows
            await self._push_llm_text(_PARAGRAPH)
        return text, calls

    async def _next_question(self, context: LLMContext, **options: Any) -> Question:
        messages = context.get_messages()
        system = None
        # Pipecat wants it apart from the others
        if messages and cast(Message, messages[0]).get("role") == "system":
            system, messages = cast(Message, messages[0])["content"], messages[1:]
        schemas = [tool.schema for tool in self._mind.tools.values()]
        tools = ToolsSchema(schemas) if schemas else NOT_GIVEN
        return await self._question(messages, system, tools, **options)

    async def _question(
        self,
        messages: list[LLMContextMessage],
        system: str | None,
        tools: Any = NOT_GIVEN,
        **options: Any,
    ) -> Question:
        found = await self.get_llm_adapter().get_llm_invocation_params(
            LLMContext(messages, tools), system_instruction=system, convert_developer_to_user=True
        )
        params: dict[str, Any] = {**self.build_chat_completion_params(found), **options}
        given = {name: v for name, v in params.items() if not isinstance(v, NotGiven)}
        return Question(
            messages=given.pop("messages"),
            options=given,
            max_tokens=self._mind.llm.max_tokens,
            may_be_empty=self._leaving,
        )

    async def _generate_summary(self, frame: LLMContextSummaryRequestFrame) -> tuple[str, int]:
        """A summary of earlier turns; empty if there is none in time. The caller hears nothing."""
        try:
            async with asyncio.timeout(self._mind.llm.summary_timeout_s):
                summary, last = await super()._generate_summary(frame)
        except Exception as error:
            logger.warning("the conversation is not summarised: {}", type(error).__name__)
            metrics.summaries_total.labels("failed").inc()
            return "", -1
        metrics.summaries_total.labels("done").inc()
        return summary, last
