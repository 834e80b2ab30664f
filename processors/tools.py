"""Functions that a language model may call: what it is told about them, and how they run."""

import asyncio
import importlib
import importlib.util
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NotRequired, get_type_hints

from loguru import logger
from pipecat.adapters.llm.schemas.direct_function import DirectFunctionWrapper
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams, FunctionCallResultCallback
from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # what pydantic reads before Python 3.12

from voice_agent import metrics
from voice_agent.errors import SettingsError

_TOOLS = "TOOLS"
_MAX_ERROR_CHARS = 300

MakeParams = Callable[[Mapping[str, Any], FunctionCallResultCallback], FunctionCallParams]
"""From a call's arguments and what takes its result, what a function gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call.

    Attributes:
        schema: What the model is told.
        run: Does it; the result is what it returns, or hands to `result_callback`.
        timeout_s: It has failed if it takes longer.
        interruptible: It is cancelled when the caller interrupts the answer.
    """

    schema: FunctionSchema
    run: Callable[[FunctionCallParams], Awaitable[object]]
    timeout_s: float
    interruptible: bool = True

    @property
    def name(self) -> str:
        """As the model calls it."""
        return self.schema.name


def load_tools(where: str, *, timeout_s: float) -> list[Tool]:
    """The tools that a setting names.

    Args:
        where: `package.module:NAME` or `file.py:NAME` of a list of functions as Pipecat's
            "direct functions" are, or of `FunctionSchema` with handlers; NAME may be left out.
        timeout_s: For those that do not say themselves.

    Raises:
        SettingsError: There is no such list, or something in it cannot be called.
    """
    place, _, name = where.partition(":")
    try:
        found = getattr(_module(place), name or _TOOLS)
        return [tool_of(each, timeout_s=timeout_s) for each in found]
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(f"llm.tools: {where} cannot be used: {error}") from error


def tool_of(what: object, *, timeout_s: float) -> Tool:
    """A function, or a schema with a handler, as a tool.

    Raises:
        SettingsError: It is neither.
    """
    if isinstance(what, FunctionSchema) and what.handler is not None:
        bare = FunctionSchema(what.name, what.description, what.properties, what.required)
        return _tool(bare, what.handler, options=what.handler, timeout_s=timeout_s)
    try:
        function = DirectFunctionWrapper(what)  # pyright: ignore[reportArgumentType]
    except Exception as error:
        raise SettingsError(f"llm.tools: {what} cannot be called: {error}") from error
    arguments = _arguments_of(function.function)

    async def run(params: FunctionCallParams) -> object:
        return await function.function(params, **arguments.validate_python(params.arguments))

    schema = function.to_function_schema()
    return _tool(schema, run, options=function.function, timeout_s=timeout_s)


async def use(tool: Tool, arguments: str, make_params: MakeParams, *, log_text: bool) -> str:
    """Runs a tool.

    Returns:
        Its result, or what went wrong, for the model to read.
    """
    results: list[object] = []

    async def take(result: Any, *, properties: FunctionCallResultProperties | None = None) -> None:
        if properties is None or properties.is_final:
            results.append(result)

    outcome = "cancelled"
    try:
        params = make_params(_parsed(arguments), take)
        async with asyncio.timeout(tool.timeout_s):
            returned = await tool.run(params)
        outcome = "done"
        return _text(results[0] if results else returned)
    except TimeoutError:
        outcome = "timeout"
        logger.warning("the tool {} took longer than {:g} s", tool.name, tool.timeout_s)
        return f"The function {tool.name} did not answer in time."
    except ValidationError as error:
        outcome = "failed"
        return f"The function {tool.name} was called with wrong arguments: {_wrong(error)}."
    except Exception as error:
        outcome = "failed"
        said = f": {error}" if log_text else ""
        logger.warning("the tool {} failed: {}{}", tool.name, type(error).__name__, said)
        return f"The function {tool.name} failed: {str(error)[:_MAX_ERROR_CHARS]}"
    finally:
        metrics.tool_calls_total.labels(tool.name, outcome).inc()


def _tool(
    schema: FunctionSchema,
    run: Callable[[FunctionCallParams], Awaitable[object]],
    *,
    options: object,
    timeout_s: float,
) -> Tool:
    """With what Pipecat's `tool_options` has noted, if it was used."""
    return Tool(
        schema=schema,
        run=run,
        timeout_s=getattr(options, "_pipecat_timeout_secs", None) or timeout_s,
        interruptible=getattr(options, "_pipecat_cancel_on_interruption", True),
    )


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place)
    spec = importlib.util.spec_from_file_location(f"voice_agent_tools_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SettingsError(f"llm.tools: there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _arguments_of(function: Callable[..., Any]) -> TypeAdapter[dict[str, Any]]:
    """Checks arguments, and makes numbers of digits and the like."""
    hints = get_type_hints(function)
    _params, *parameters = inspect.signature(function).parameters.values()
    fields: dict[str, Any] = {}
    for each in parameters:
        kind = hints.get(each.name, Any)
        required = each.default is inspect.Parameter.empty
        fields[each.name] = kind if required else NotRequired[kind]
    arguments: Any = TypedDict("arguments", fields)  # pyright: ignore[reportArgumentType]
    arguments.__pydantic_config__ = ConfigDict(extra="forbid")
    return TypeAdapter(arguments)


def _parsed(arguments: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(arguments or "{}")
    except ValueError:
        raise ValueError("its arguments were not valid JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError("its arguments were not a JSON object")
    return parsed


def _wrong(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg'].lower()}"
        for each in error.errors(include_input=False, include_url=False)
    )


def _text(result: object) -> str:
    if isinstance(result, str):
        return result
    return "Done." if result is None else json.dumps(result, default=str, ensure_ascii=False)
