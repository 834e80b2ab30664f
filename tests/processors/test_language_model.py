"""The processor that answers, with the real client and a scripted model over HTTP."""

import asyncio
import socket
from typing import Any

import pytest
from pipecat.frames.frames import (
    InterruptionFrame,
    LLMContextSummaryRequestFrame,
    LLMContextSummaryResultFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from tests.processors.thinking import PROMPT, QUESTION, Thinking, thinking, thinking_at
from tests.scripted_llm import Script, ScriptedModel, serving
from voice_agent.frames import PhraseFrame, ServerMessageFrame
from voice_agent.wire.common import Error


def phrases(it: Thinking) -> list[str]:
    return [frame.phrase for frame in it.chain.down.of(PhraseFrame)]


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


async def test_an_answer_is_pushed_as_it_is_written() -> None:
    model = ScriptedModel(["It is on its way."])
    async with thinking(model) as it:
        assert await it.answer() == "It is on its way."
        kinds = [type(frame) for frame in it.chain.down.frames]
    assert kinds.count(LLMTextFrame) == 5
    assert kinds.count(LLMFullResponseStartFrame) == kinds.count(LLMFullResponseEndFrame) == 1
    assert model.asked == [[PROMPT, QUESTION]]
    assert "tools" not in model.bodies[0]
    assert phrases(it) == []


async def test_settings_reach_the_model() -> None:
    model = ScriptedModel()
    extra = {"chat_template_kwargs": {"enable_thinking": False}}
    async with thinking(model, temperature=0.4, max_tokens=50, extra=extra) as it:
        await it.answer()
    body = model.bodies[0]
    assert (body["temperature"], body["max_tokens"]) == (0.4, 50)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


async def test_who_waits_hears_a_filler_once() -> None:
    model = ScriptedModel(["There it is."], first_delay_s=0.6)
    async with thinking(model, filler_after_ms=100) as it:
        for _ in range(2):
            await it.answer()
            assert phrases(it) == ["filler"]
    async with thinking(model, filler_after_ms=0) as it:
        await it.answer()
    assert phrases(it) == []


async def test_who_waits_for_the_rest_of_an_answer_hears_a_filler_too() -> None:
    broken = Script(text="It left on Monday.", breaks_after=2)
    model = ScriptedModel([broken, Script(text="on Monday.", first_delay_s=0.6)])
    async with thinking(model, filler_after_ms=100) as it:
        assert await it.answer() == "It left on Monday."
        assert phrases(it) == ["filler"]


async def test_who_hears_no_answer_hears_an_apology() -> None:
    settings: dict[str, Any] = {"timeout_s": 0.5}
    async with thinking_at([unused_port()], **settings) as it:
        assert await it.answer() == ""
        assert phrases(it) == ["apology"]
        (told,) = it.chain.down.of(ServerMessageFrame)
        assert isinstance(told.message, Error)
        assert (told.message.code, told.message.retryable) == ("engine_unavailable", True)
        kinds = [type(frame) for frame in it.chain.down.frames]
    assert kinds[-1] is LLMFullResponseEndFrame  # the apology is part of the answer


async def test_the_next_endpoint_answers_when_the_first_does_not() -> None:
    model = ScriptedModel(["Here."])
    async with serving(model) as port, thinking_at([unused_port(), port]) as it:
        assert await it.answer() == "Here."
    assert phrases(it) == []
    assert [told.message for told in it.chain.down.of(ServerMessageFrame)] == []


async def test_the_rest_of_an_answer_that_breaks_off_comes_from_the_next() -> None:
    broken = ScriptedModel([Script(text="It left on Monday.", breaks_after=2)])
    whole = ScriptedModel(["on Monday."])
    async with (
        serving(broken) as one,
        serving(whole) as other,
        thinking_at([one, other]) as it,
    ):
        assert await it.answer() == "It left on Monday."
    assert len(broken.asked) == 2
    assert whole.asked[0][2] == {"role": "assistant", "content": "It left"}


async def test_an_answer_that_nobody_ends_is_apologised_for() -> None:
    broken = ScriptedModel([Script(text="It left on Monday.", breaks_after=2), Script(status=500)])
    async with thinking(broken, timeout_s=1.0) as it:
        assert await it.answer() == "It left"
        assert phrases(it)[-1] == "apology"


async def test_an_interruption_ends_the_request_and_its_filler() -> None:
    model = ScriptedModel(first_delay_s=60)
    async with thinking(model, filler_after_ms=1500) as it:
        async with asyncio.timeout(10):
            await it.ask()
            await model.came.wait()
            await it.chain.send(InterruptionFrame())
            await model.left.wait()
            # its filler would have been due before that of the next question
            await it.ask()
            await it.chain.down.until(PhraseFrame)
        assert phrases(it) == ["filler"]


SAID = LLMContext([QUESTION])  # pyright: ignore[reportArgumentType]


def summary_request() -> LLMContextSummaryRequestFrame:
    return LLMContextSummaryRequestFrame(
        request_id="1",
        context=SAID,
        min_messages_to_keep=0,
        target_context_tokens=90,
        summarization_prompt="Summarise.",
    )


async def test_a_summary_is_made_beside_an_answer() -> None:
    model = ScriptedModel(["They talked.", "Here."], first_delay_s=0.2)
    async with thinking(model) as it:
        await it.chain.send(summary_request())
        await it.ask()
        result = await it.chain.up.until(LLMContextSummaryResultFrame)
        await it.chain.down.until(LLMFullResponseEndFrame)
    assert {result.summary, it.text.strip()} == {"They talked.", "Here."}
    (body,) = [body for body in model.bodies if body["max_tokens"] == 90]
    assert body["messages"][0] == {"role": "system", "content": "Summarise."}
    assert QUESTION["content"] in body["messages"][1]["content"]


@pytest.mark.parametrize("model", [ScriptedModel(status=500), ScriptedModel(first_delay_s=60)])
async def test_a_summary_that_fails_is_empty_and_no_caller_hears_of_it(
    model: ScriptedModel,
) -> None:
    async with thinking(model, summary_timeout_s=0.5) as it:
        await it.chain.send(summary_request())
        result = await it.chain.up.until(LLMContextSummaryResultFrame)
        assert (result.summary, result.error) == ("", None)
        assert it.chain.down.of(ServerMessageFrame) == []
        assert phrases(it) == []
