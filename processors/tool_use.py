"""Runs the tools that an answer asks for."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import FunctionCallParams, FunctionCallResultCallback, LLMService

from processors.llm_backend import LLMBackend
from processors.tools import use
from voice_agent import metrics
from voice_agent.frames import ToolUsedFrame
from voice_agent.llm.tool_calls import ToolCall
from voice_agent.llm.tool_messages import tool_messages

_INTERRUPTED = "The caller interrupted before the function was done."
_NO_SUCH_TOOL = "There is no function {}."


class ToolUse:
    """The tools of one session; owned by its language model.

    What became of a call goes upstream as `ToolUsedFrame`, also when its answer is over by then.

    Args:
        service: Whose tasks they are, and what tools get as `llm`.
        mind: Has the tools.
    """

    def __init__(self, service: LLMService[Any], mind: LLMBackend) -> None:
        self._service = service
        self._mind = mind
        self._running: dict[asyncio.Task[str], bool] = {}  # and whether it is interruptible
        self._closed = False

    async def use(self, calls: Sequence[ToolCall], turn: int, context: LLMContext) -> list[str]:
        """The results, in the order of the calls: all run at once.

        When it is cancelled, because the caller interrupts the answer, so are the tools;
        those that should not be go on.
        """
        tasks = [self._start(call, turn, context) for call in calls]
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            await self._cancel([task for task in tasks if self._running.get(task)])
            raise
        return [task.result() for task in tasks]

    async def close(self) -> None:
        """Cancels what still runs; nothing is told of it."""
        self._closed = True
        await self._cancel(list(self._running))

    def _start(self, call: ToolCall, turn: int, context: LLMContext) -> "asyncio.Task[str]":
        task = self._service.create_task(self._use(call, turn, context))
        tool = self._mind.tools.get(call.name)
        self._running[task] = tool is None or tool.interruptible
        task.add_done_callback(lambda done: self._running.pop(done, None))
        return task

    async def _cancel(self, tasks: "Sequence[asyncio.Task[str]]") -> None:
        for task in tasks:
            await self._service.cancel_task(task)

    async def _use(self, call: ToolCall, turn: int, context: LLMContext) -> str:
        def params(
            arguments: Mapping[str, Any], take: FunctionCallResultCallback
        ) -> FunctionCallParams:
            return FunctionCallParams(
                function_name=call.name,
                tool_call_id=call.id,
                arguments=arguments,
                llm=self._service,
                pipeline_worker=self._service.pipeline_worker,
                context=context,
                result_callback=take,
            )

        result = _INTERRUPTED
        try:
            tool = self._mind.tools.get(call.name)
            if tool is None:
                metrics.tool_calls_total.labels("?", "unknown").inc()
                result = _NO_SUCH_TOOL.format(call.name)
            else:
                result = await use(tool, call.arguments, params, log_text=self._mind.log_text)
            return result
        finally:
            if not self._closed:
                messages = tool_messages([call], [result], "")
                frame = ToolUsedFrame(turn=turn, messages=messages)
                await self._service.push_frame(frame, FrameDirection.UPSTREAM)
