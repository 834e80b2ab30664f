import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger
from pipecat.adapters.llm.schemas.direct_function import tool_options
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.services.llm_service import FunctionCallParams

from processors.tools import Tool, load_tools, tool_of
from tests.processors.tool_params import used
from voice_agent.errors import SettingsError


async def weather(params: FunctionCallParams, place: str, days: int = 1) -> dict[str, object]:
    """Tell the weather.

    Args:
        params: From Pipecat.
        place: A town.
        days: From now.
    """
    return {"place": place, "days": days}


async def by_callback(params: FunctionCallParams) -> None:
    """Answer as Pipecat's own examples do."""
    await params.result_callback({"fine": True})


async def nothing(params: FunctionCallParams) -> None:
    """Do something and tell nothing."""


@tool_options(cancel_on_interruption=False, timeout_secs=0.05)
async def endless(params: FunctionCallParams) -> None:
    """Never come back."""
    await asyncio.Event().wait()


async def failing(params: FunctionCallParams) -> None:
    """Fail."""
    raise LookupError("Mrs Miller owes us money")


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)))
    yield lines
    logger.remove(sink)


def made(function: object) -> Tool:
    return tool_of(function, timeout_s=5)


def test_a_function_describes_itself() -> None:
    tool = made(weather)
    assert tool.schema.to_default_dict() == {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town."},
                "days": {"type": "integer", "description": "From now."},
            },
            "required": ["place"],
        },
    }
    assert (tool.timeout_s, tool.interruptible) == (5, True)


def test_a_function_may_have_options() -> None:
    tool = made(endless)
    assert (tool.timeout_s, tool.interruptible) == (0.05, False)


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (weather, '{"place": "Bern", "days": "3"}', '{"place": "Bern", "days": 3}'),
        (weather, '{"place": "Zürich"}', '{"place": "Zürich", "days": 1}'),
        (by_callback, "", '{"fine": true}'),
        (nothing, "{}", "Done."),
    ],
)
async def test_results_are_told(function: object, arguments: str, told: str) -> None:
    assert await used(made(function), arguments) == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", "called with wrong arguments: place: field required."),
        ('{"place": "Bern", "days": "some"}', "wrong arguments: days: input should be"),
        ('{"place": "Bern", "wind": 1}', "wrong arguments: wind: extra inputs"),
        ('{"place": ', "its arguments were not valid JSON"),
        ("[1]", "its arguments were not a JSON object"),
    ],
)
async def test_wrong_arguments_are_told(arguments: str, told: str) -> None:
    assert told in await used(made(weather), arguments)


async def test_a_tool_that_takes_too_long_is_given_up() -> None:
    assert await used(made(endless)) == "The function endless did not answer in time."


async def test_what_an_exception_says_is_told_to_the_model_and_not_logged(log: list[str]) -> None:
    told = await used(made(failing))
    assert told == "The function failing failed: Mrs Miller owes us money"
    assert "the tool failing failed: LookupError" in "".join(log)
    assert "Miller" not in "".join(log)


async def test_it_is_logged_where_text_may_be(log: list[str]) -> None:
    await used(made(failing), log_text=True)
    assert "Miller" in "".join(log)


async def test_a_schema_with_a_handler_is_a_tool() -> None:
    schema = FunctionSchema("fine", "Be fine.", {}, [], handler=by_callback)
    tool = made(schema)
    assert tool.schema.handler is None  # else Pipecat would run it too
    assert await used(tool) == '{"fine": true}'


def test_tools_are_loaded_from_a_module_or_a_file(tmp_path: Path) -> None:
    names = ["current_time", "order_status", "end_call", "transfer_call"]
    assert [tool.name for tool in load_tools("examples.tools:TOOLS", timeout_s=5)] == names
    assert [tool.name for tool in load_tools("examples/tools.py", timeout_s=5)] == names
    file = tmp_path / "mine.py"
    file.write_text('async def ring(params):\n    "Ring."\n\nRINGS = [ring]\n')
    assert [tool.name for tool in load_tools(f"{file}:RINGS", timeout_s=5)] == ["ring"]


@pytest.mark.parametrize(
    "where", ["nowhere.at_all", "examples.tools:NONE", "nowhere.py", "examples.tools:_STAFF", ""]
)
def test_what_cannot_be_loaded_is_a_wrong_setting(where: str) -> None:
    with pytest.raises(SettingsError, match=r"llm\.tools"):
        load_tools(where, timeout_s=5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"number": "1017"}', "Order 1017 is on its way, and arrives tomorrow."),
        ('{"number": 9}', "Order 9 is not known here."),
    ],
)
async def test_the_example_knows_orders(arguments: str, told: str) -> None:
    tools = {tool.name: tool for tool in load_tools("examples.tools", timeout_s=5)}
    assert await used(tools["order_status"], arguments) == told
    assert ", " in await used(tools["current_time"], '{"time_zone": "Asia/Tokyo"}')
    assert "failed" in await used(tools["current_time"], '{"time_zone": "Nowhere"}')
