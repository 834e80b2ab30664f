"""Runs a tool as a language model's service does, without one."""

from collections.abc import Mapping
from typing import Any, cast

from pipecat.services.llm_service import FunctionCallParams, FunctionCallResultCallback

from processors.tools import Tool, use


async def used(tool: Tool, arguments: str = "{}", *, log_text: bool = False) -> str:
    """What the model is told."""
    nothing = cast(Any, None)  # no tool here looks at it

    def params(parsed: Mapping[str, Any], take: FunctionCallResultCallback) -> FunctionCallParams:
        return FunctionCallParams(
            function_name=tool.name,
            tool_call_id="1",
            arguments=parsed,
            llm=nothing,
            pipeline_worker=nothing,
            context=nothing,
            result_callback=take,
        )

    return await use(tool, arguments, params, log_text=log_text)
