"""The agent with a language model: the real client, over HTTP, to a model that is scripted."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.conversing import Caller, conversing

pytestmark = pytest.mark.e2e

PROMPT = "Be brief."
FIRST_TEXT_WITHIN_S = 1.5


@pytest.fixture(scope="module")
def model_port() -> int:
    """A port for the model: it comes and goes, the agent stays."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def thinking_agent(model_port: int) -> Generator[RunningService]:
    with running(
        "agent",
        LLM__BASE_URL=f"http://127.0.0.1:{model_port}/v1",
        LLM__MODEL="scripted",
        LLM__API_KEY="key-that-nobody-logs",
        LLM__SYSTEM_PROMPT=PROMPT,
        LLM__TIMEOUT_S=FIRST_TEXT_WITHIN_S,
    ) as service:
        yield service


@asynccontextmanager
async def talking(
    service: RunningService, model: ScriptedModel, port: int
) -> AsyncGenerator[Caller]:
    async with serving(model, port), conversing(service.ws) as caller:
        yield caller


async def test_an_answer_is_spoken_while_it_is_written(
    thinking_agent: RunningService, model_port: int
) -> None:
    words = "The first sentence is short. " + "And then there are many more words. " * 8
    model = ScriptedModel([words], token_delay_s=0.05)
    async with talking(thinking_agent, model, model_port) as caller:
        await caller.ask("tell me something")
        await caller.until("audio_chunk")
        assert model.written < len(words.split()) / 2
        await caller.say("interrupt")
        await caller.until("answer_end")
    assert model.asked == [
        [
            {"role": "system", "content": PROMPT},
            {"role": "user", "content": "tell me something"},
        ]
    ]


async def test_an_interruption_ends_the_request(
    thinking_agent: RunningService, model_port: int
) -> None:
    model = ScriptedModel(["A word. " * 200], token_delay_s=0.05)
    async with talking(thinking_agent, model, model_port) as caller:
        turn = await caller.ask("go on for ever")
        await caller.until("audio_chunk")
        await caller.say("interrupt")
        await caller.until("answer_end")
        async with asyncio.timeout(2):
            await model.left.wait()
        await caller.say("ping", id=1)
        await caller.until("pong")
    kinds = [h.kind for h in caller.heard]
    after = caller.heard[kinds.index("clear") :]
    assert [h.kind for h in after] == ["clear", "answer_end", "pong"]
    assert caller.text_of(turn).startswith("A word.")


async def test_the_model_is_told_only_what_was_heard(
    thinking_agent: RunningService, model_port: int
) -> None:
    long = " ".join(f"word{i}" for i in range(60)) + "."
    model = ScriptedModel([long, "Short."])
    async with talking(thinking_agent, model, model_port) as caller:
        await caller.ask("first")
        await caller.until("audio_chunk", 5)
        await asyncio.sleep(1.5)
        await caller.ask("second")
        await caller.until("answer_end", 2)
        await caller.ask("third")
        await caller.until("answer_end", 3)
    heard = caller.of("answer_end", 1)[0].message["heard_text"]
    assert heard
    assert long.startswith(heard)
    assert heard != long
    system = {"role": "system", "content": PROMPT}
    told = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": heard},
        {"role": "user", "content": "second"},
    ]
    assert model.asked[1] == [system, *told]
    assert model.asked[2] == [
        system,
        *told,
        {"role": "assistant", "content": "Short."},
        {"role": "user", "content": "third"},
    ]


@pytest.mark.parametrize(
    "failing",
    [
        ScriptedModel(status=500),
        ScriptedModel(status=401),
        ScriptedModel(first_delay_s=FIRST_TEXT_WITHIN_S + 5),
        ScriptedModel(["One, and then nothing."], token_delay_s=FIRST_TEXT_WITHIN_S + 5),
    ],
    ids=["500", "401", "slow", "stalls"],
)
async def test_a_model_that_fails_is_told_and_the_conversation_goes_on(
    thinking_agent: RunningService, model_port: int, failing: ScriptedModel
) -> None:
    async with serving(ScriptedModel(["Here I am."]), model_port) as _:
        pass  # the port is free again
    async with conversing(thinking_agent.ws) as caller:
        async with serving(failing, model_port):
            turn = await caller.ask("are you there")
            await assert_told(caller, turn)
        back = ScriptedModel(["Here I am."])
        async with serving(back, model_port):
            turn = await caller.ask("and now")
            await caller.until("answer_end", turn=turn)
            assert caller.text_of(turn).strip() == "Here I am."
    said = [message["content"] for message in back.asked[0] if message["role"] == "user"]
    # neighbours of one role are one message
    assert "\n".join(said) == "are you there\nand now"


async def test_a_model_that_is_not_there_is_told_and_found_when_it_is_back(
    thinking_agent: RunningService, model_port: int
) -> None:
    async with conversing(thinking_agent.ws) as caller:
        turn = await caller.ask("are you there")
        await assert_told(caller, turn)
        async with serving(ScriptedModel(["Here I am."]), model_port):
            turn = await caller.ask("and now")
            await caller.until("answer_end", turn=turn)
            assert caller.text_of(turn).strip() == "Here I am."
    log = "".join(thinking_agent.log)
    assert "the language model does not answer" in log
    assert "key-that-nobody-logs" not in log
    assert "are you there" not in log
    assert "Traceback" not in log


async def assert_told(caller: Caller, turn: int) -> None:
    error = (await caller.until("error")).message
    assert error["code"] == "engine_unavailable"
    assert error["retryable"] is True
    end = (await caller.until("answer_end", turn=turn)).message
    assert end["interrupted"] is False
    assert caller.text_of(turn).startswith(end["heard_text"])
