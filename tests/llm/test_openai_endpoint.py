"""The real client, over HTTP, to a scripted model: what it writes, and how it fails."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest
from openai import AsyncOpenAI

from tests.scripted_llm import Script, ScriptedModel, serving
from voice_agent.llm.openai_endpoint import OpenAIEndpoint
from voice_agent.llm.request import EndpointFailed, Piece, Question
from voice_agent.llm.tool_calls import ToolCall

QUESTION = Question(messages=[{"role": "user", "content": "secret words"}])


@asynccontextmanager
async def asking(model: ScriptedModel) -> AsyncGenerator[OpenAIEndpoint]:
    async with serving(model) as port, endpoint_at(port) as endpoint:
        yield endpoint


@asynccontextmanager
async def endpoint_at(port: int) -> AsyncGenerator[OpenAIEndpoint]:
    client = AsyncOpenAI(
        base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0, timeout=30
    )
    endpoint = OpenAIEndpoint(client, "scripted")
    try:
        yield endpoint
    finally:
        await endpoint.close()


async def written(
    endpoint: OpenAIEndpoint, question: Question = QUESTION, patience_s: float = 10
) -> list[Piece]:
    async with aclosing(endpoint.write(question, lambda: patience_s)) as pieces:
        return [piece async for piece in pieces]


async def test_an_answer_comes_in_the_pieces_in_which_it_is_written() -> None:
    async with asking(ScriptedModel(["It is noon."])) as endpoint:
        assert await written(endpoint) == ["It", " is", " noon."]


async def test_what_it_thinks_aloud_is_left_out() -> None:
    async with asking(ScriptedModel(["<think>What time is it?</think> It is noon."])) as endpoint:
        assert await written(endpoint) == ["It", " is", " noon."]


async def test_options_and_the_longest_answer_are_sent() -> None:
    model = ScriptedModel()
    question = Question(messages=QUESTION.messages, options={"temperature": 0.3}, max_tokens=70)
    async with asking(model) as endpoint:
        await written(endpoint, question)
        await written(endpoint)
    assert model.bodies[0]["temperature"] == 0.3
    assert model.bodies[0]["max_tokens"] == 70
    assert model.bodies[0]["model"] == "scripted"
    assert "max_tokens" not in model.bodies[1]


@pytest.mark.parametrize("at_once", [False, True])
async def test_text_and_then_calls(at_once: bool) -> None:
    calls = (("order", '{"number": "A 17"}'), ("time", "{}"))
    script = Script(text="Let me look.", calls=calls, calls_at_once=at_once)
    async with asking(ScriptedModel([script])) as endpoint:
        assert await written(endpoint) == [
            *["Let", " me", " look."],
            ToolCall("id0", "order", '{"number": "A 17"}'),
            ToolCall("id1", "time", "{}"),
        ]


@pytest.mark.parametrize(
    ("script", "reason", "again", "final", "blame"),
    [
        (Script(status=500), "HTTP 500", True, False, True),
        (Script(status=503), "HTTP 503", True, False, True),
        (Script(status=401), "HTTP 401", False, True, True),
        (Script(status=404), "HTTP 404", False, True, True),
        (Script(status=400, code="too_long"), "HTTP 400 too_long", False, True, False),
        (Script(text="One two three.", breaks_after=0), "APIConnectionError", True, False, True),
        (Script(text="One two three.", breaks_after=2), "APIConnectionError", True, False, True),
        (Script(raw="<html>Bad gateway</html>"), "it wrote no answer", True, False, True),
        (Script(raw="data: {nonsense\n\n"), "JSONDecodeError", True, False, True),
        (Script(raw='data: {"choices": 7}\n\n'), "TypeError", True, False, True),
        (Script(raw='data: {"choices": [{"delta": {"content": 7}}]}\n\n'), "", True, False, True),
        (Script(raw='data: {"error": {"message": "secret"}}\n\n'), "APIError", True, False, True),
        (Script(raw=""), "it wrote no answer", True, False, True),
    ],
)
async def test_failures_say_what_is_to_be_done(
    script: Script, reason: str, again: bool, final: bool, blame: bool
) -> None:
    async with asking(ScriptedModel([script])) as endpoint:
        with pytest.raises(EndpointFailed) as failed:
            await written(endpoint)
    failure = failed.value
    assert reason in failure.reason
    assert "secret" not in failure.reason
    told = (failure.again, failure.final, failure.blame, failure.rest_s)
    assert told == (again, final, blame, 0)


@pytest.mark.parametrize(
    ("headers", "rest_s"),
    [({"Retry-After": "3"}, 3), ({}, 1), ({"Retry-After": "1e9"}, 60), ({"Retry-After": "?"}, 1)],
)
async def test_who_is_too_busy_says_for_how_long(headers: dict[str, str], rest_s: float) -> None:
    async with asking(ScriptedModel([Script(status=429, headers=headers)])) as endpoint:
        with pytest.raises(EndpointFailed) as failed:
            await written(endpoint)
    assert (failed.value.rest_s, failed.value.again) == (rest_s, False)


@pytest.mark.parametrize(
    "model",
    [ScriptedModel(first_delay_s=60), ScriptedModel(["One two."], token_delay_s=60)],
    ids=["before the first word", "after it"],
)
async def test_silence_ends_a_request(model: ScriptedModel) -> None:
    async with asking(model) as endpoint:
        began_s = time.monotonic()
        with pytest.raises(EndpointFailed, match="silent"):
            await written(endpoint, patience_s=0.3)
        assert time.monotonic() - began_s < 10
        async with asyncio.timeout(10):
            await model.left.wait()


async def test_nobody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with endpoint_at(port) as endpoint:
        with pytest.raises(EndpointFailed) as failed:
            await written(endpoint)
    assert failed.value.again


async def test_closing_the_answer_ends_the_request() -> None:
    model = ScriptedModel(["A word. " * 100], token_delay_s=0.05)
    async with asking(model) as endpoint:
        writing = endpoint.write(QUESTION, lambda: 10)
        assert await anext(writing) == "A"
        await writing.aclose()
        async with asyncio.timeout(10):
            await model.left.wait()
