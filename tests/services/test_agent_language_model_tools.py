"""The agent whose model calls functions, and asks an MCP server."""

import asyncio
import json
import socket
import sys
from collections.abc import Generator

import pytest

from tests.scripted_llm import Script, ScriptedModel
from tests.services.conftest import RunningService, running
from tests.services.conversing import Caller
from tests.services.test_agent_language_model import talking

pytestmark = pytest.mark.e2e

MCP = {"shop": {"command": sys.executable, "args": ["-m", "tests.scripted_mcp", "stdio"]}}


@pytest.fixture(scope="module")
def model_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def agent_with_tools(model_port: int) -> Generator[RunningService]:
    with running(
        "agent",
        LLM__BASE_URL=f"http://127.0.0.1:{model_port}/v1",
        LLM__MODEL="scripted",
        LLM__SYSTEM_PROMPT="",
        LLM__TOOLS="examples.tools:TOOLS",
        LLM__MCP_SERVERS=json.dumps(MCP),
        LLM__TIMEOUT_S=3,
        LLM__MAX_CONTEXT_CHARS=1000,
    ) as service:
        yield service


def calling(name: str, text: str = "", **arguments: object) -> Script:
    return Script(text=text, calls=((name, json.dumps(arguments)),))


async def answered(caller: Caller, question: str) -> str:
    """What is heard of the answer to a question."""
    turn = await caller.ask(question)
    return (await caller.until("answer_end", turn=turn)).message["heard_text"].strip()


async def test_an_order_is_looked_up_and_remembered(
    agent_with_tools: RunningService, model_port: int
) -> None:
    look = calling("order_status", "Let me look.", number="1017")
    model = ScriptedModel([look, "It arrives tomorrow.", "You are welcome."])
    async with talking(agent_with_tools, model, model_port) as caller:
        assert await answered(caller, "where is it") == "Let me look.\n\nIt arrives tomorrow."
        await answered(caller, "thanks")
        assert len(caller.of("answer_start")) == 2
        assert caller.of("error") == []
    assert {tool["function"]["name"] for tool in model.bodies[0]["tools"]} >= {
        *("current_time", "order_status", "end_call", "transfer_call", "opening_hours")
    }
    told = "Order 1017 is on its way, and arrives tomorrow."
    assert [message["role"] for message in model.asked[2]] == [
        *["user", "assistant", "tool", "assistant", "user"]
    ]
    assert model.asked[2][2]["content"] == told
    assert model.asked[2][3]["content"].strip() == "Let me look.\n\nIt arrives tomorrow."


async def test_an_mcp_server_is_asked(agent_with_tools: RunningService, model_port: int) -> None:
    model = ScriptedModel([calling("opening_hours", day="Monday"), "From nine to five."])
    async with talking(agent_with_tools, model, model_port) as caller:
        assert await answered(caller, "when are you open") == "From nine to five."
    assert model.asked[1][-1]["content"] == "On Monday from nine to five."


async def test_a_tool_ends_the_session_after_the_goodbye(
    agent_with_tools: RunningService, model_port: int
) -> None:
    model = ScriptedModel([calling("end_call"), "Goodbye, and thank you."])
    async with talking(agent_with_tools, model, model_port) as caller:
        assert await answered(caller, "that is all") == "Goodbye, and thank you."
        assert await caller.ended() == 1000


async def test_a_transfer_that_is_not_possible_is_apologised_for(
    agent_with_tools: RunningService, model_port: int
) -> None:
    transfer = calling("transfer_call", department="sales")
    model = ScriptedModel([transfer, "I connect you.", "Gladly."])
    async with talking(agent_with_tools, model, model_port) as caller:
        assert await answered(caller, "sales, please") == "I connect you."
        await caller.until("answer_end", 2)  # the apology is an answer of its own
        assert await answered(caller, "then you answer") == "Gladly."


async def test_a_tool_that_fails_says_nothing_in_the_log(
    agent_with_tools: RunningService, model_port: int
) -> None:
    model = ScriptedModel([calling("current_time", time_zone="Whisperland"), "I do not know."])
    async with talking(agent_with_tools, model, model_port) as caller:
        assert await answered(caller, "what time is it") == "I do not know."
        broken = ScriptedModel([calling("broken"), "I cannot."])
        model.answers = broken.answers
        assert await answered(caller, "and now") == "I cannot."
    assert "Whisperland" in model.asked[1][-1]["content"]
    assert "Error executing tool broken" in model.asked[3][-1]["content"]
    log = "".join(agent_with_tools.log)
    assert "the tool current_time failed: ZoneInfoNotFoundError" in log
    assert "Whisperland" not in log


async def test_a_long_conversation_is_summarised_beside_it(
    agent_with_tools: RunningService, model_port: int
) -> None:
    model = ScriptedModel(["Yes."])
    async with talking(agent_with_tools, model, model_port) as caller:
        for number in range(4):
            await answered(caller, f"{number}: {'long story ' * 30}")
        async with asyncio.timeout(10):
            while not summarised(model):  # noqa: ASYNC110  (it is made beside the conversation)
                await asyncio.sleep(0.05)
        await answered(caller, "where were we")
    (context,) = [asked for asked in model.asked if asked[-1]["content"] == "where were we"]
    assert context[0]["content"].startswith("Earlier in this conversation: Yes.")
    assert not any(message["content"].startswith("0:") for message in context)


def summarised(model: ScriptedModel) -> bool:
    return any("Conversation history" in asked[-1]["content"] for asked in model.asked)
