"""Answers for which the model calls functions."""

import asyncio
import json
from typing import Any

from pipecat.adapters.llm.schemas.direct_function import tool_options
from pipecat.frames.frames import (
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat.services.llm_service import FunctionCallParams

from examples.tools import end_call, transfer_call
from tests.processors.thinking import PROMPT, QUESTION, Thinking, thinking
from tests.scripted_llm import Script, ScriptedModel
from voice_agent.frames import HangUpFrame, PhraseFrame, ToolUsedFrame, TransferFrame


async def order(params: FunctionCallParams, number: int) -> str:
    """Look an order up."""
    return f"{number} is on its way"


async def weather(params: FunctionCallParams) -> str:
    """Tell the weather."""
    return "rain"


class Slow:
    """A function that takes as long as the test likes."""

    def __init__(self, *, interruptible: bool = True) -> None:
        self.may_end = asyncio.Event()
        self.began = asyncio.Event()
        self.cancelled = False

        @tool_options(cancel_on_interruption=interruptible)
        async def book(params: FunctionCallParams) -> str:
            """Book a table."""
            self.began.set()
            try:
                await self.may_end.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            return "booked"

        self.book = book


def calling(*calls: tuple[str, str], text: str = "") -> Script:
    return Script(text=text, calls=calls)


def used(it: Thinking) -> list[tuple[int, str, str]]:
    """Turn, name and result of each tool that was used, as the conversation is told."""
    told = [(frame.turn, *frame.messages) for frame in it.chain.up.of(ToolUsedFrame)]
    return [
        (turn, call["tool_calls"][0]["function"]["name"], result["content"])
        for turn, call, result in told
    ]


async def test_a_tool_is_called_and_its_result_answered() -> None:
    model = ScriptedModel(
        [calling(("order", '{"number": 7}'), text="Let me look."), "It is on its way."]
    )
    async with thinking(model, order) as it:
        assert await it.answer() == "Let me look.\n\nIt is on its way."
        kinds = [type(frame) for frame in it.chain.down.frames]
    assert kinds.count(LLMFullResponseStartFrame) == kinds.count(LLMFullResponseEndFrame) == 1
    assert model.bodies[0]["tools"][0]["function"]["name"] == "order"
    function = {"name": "order", "arguments": '{"number": 7}'}
    call = {"id": "id0", "type": "function", "function": function}
    assert model.asked[1] == [
        PROMPT,
        QUESTION,
        {"role": "assistant", "content": "Let me look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "id0", "content": "7 is on its way"},
    ]
    assert used(it) == [(1, "order", "7 is on its way")]


async def test_what_is_said_before_a_tool_does_not_wait_for_it_nor_run_into_what_follows() -> None:
    slow = Slow()
    model = ScriptedModel([calling(("book", "{}"), text="Let me check"), "It is booked."])
    async with thinking(model, slow.book) as it:
        await it.ask()
        await slow.began.wait()
        # a paragraph: whatever it ends with, it is spoken now
        assert it.text == "Let me check\n\n"
        slow.may_end.set()
        await it.chain.down.until(LLMFullResponseEndFrame)
        assert it.text == "Let me check\n\nIt is booked."


async def test_several_tools_run_at_once() -> None:
    slow = Slow()
    model = ScriptedModel([calling(("book", "{}"), ("weather", "{}"), ("order", "[]")), "Fine."])
    async with thinking(model, order, weather, slow.book) as it:
        await it.ask()
        await slow.began.wait()
        slow.may_end.set()
        await it.chain.down.until(LLMFullResponseEndFrame)
    results = [message["content"] for message in model.asked[1][3:]]
    assert results[:2] == ["booked", "rain"]
    assert "its arguments were not a JSON object" in results[2]
    # what cannot be read is not sent back: servers refuse it
    assert model.asked[1][2]["tool_calls"][2]["function"]["arguments"] == "{}"
    assert {name for _turn, name, _result in used(it)} == {"book", "weather", "order"}


async def test_a_tool_that_is_not_there_is_told_to_the_model() -> None:
    async with thinking(ScriptedModel([calling(("fly", "{}")), "I cannot fly."]), weather) as it:
        assert await it.answer() == "I cannot fly."
    assert used(it) == [(1, "fly", "There is no function fly.")]


async def test_a_model_that_only_calls_is_made_to_answer() -> None:
    model = ScriptedModel([*[calling(("weather", "{}"))] * 6, "Rain."])
    async with thinking(model, weather) as it:
        assert await it.answer() == "Rain."
    assert [body.get("tool_choice") for body in model.bodies] == [*[None] * 6, "none"]


async def test_a_filler_is_heard_while_a_tool_runs() -> None:
    slow = Slow()
    model = ScriptedModel([calling(("book", "{}"), text="Yes."), "Done."])
    async with thinking(model, slow.book, filler_after_ms=50) as it:
        await it.ask()
        await it.chain.down.until(PhraseFrame)
        assert it.text == "Yes.\n\n"
        slow.may_end.set()
        await it.chain.down.until(LLMFullResponseEndFrame)
    assert [frame.phrase for frame in it.chain.down.of(PhraseFrame)] == ["filler"]


async def test_an_interruption_cancels_a_tool() -> None:
    slow = Slow()
    async with thinking(ScriptedModel([calling(("book", "{}"))]), slow.book) as it:
        await it.ask()
        await slow.began.wait()
        await it.chain.send(InterruptionFrame())
        assert slow.cancelled
        assert used(it) == [(1, "book", "The caller interrupted before the function was done.")]
        assert not it.chain.down.of(LLMFullResponseEndFrame)


async def test_a_tool_that_should_not_be_cancelled_goes_on_and_is_remembered() -> None:
    slow = Slow(interruptible=False)
    model = ScriptedModel([calling(("book", "{}")), "Something else."])
    async with thinking(model, slow.book) as it:
        await it.ask()
        await slow.began.wait()
        await it.chain.send(InterruptionFrame())
        assert await it.answer() == "Something else."
        assert used(it) == []
        slow.may_end.set()
        await it.chain.up.until(ToolUsedFrame)
    assert not slow.cancelled
    assert used(it) == [(1, "book", "booked")]


async def test_a_session_that_ends_takes_its_tools_along() -> None:
    slow = Slow(interruptible=False)
    async with thinking(ScriptedModel([calling(("book", "{}"))]), slow.book) as it:
        await it.ask()
        await slow.began.wait()
    assert slow.cancelled
    assert used(it) == []


async def test_tools_end_and_transfer_calls() -> None:
    arguments = json.dumps({"department": "sales"})
    model = ScriptedModel([calling(("end_call", "{}"), ("transfer_call", arguments)), "Goodbye."])
    async with thinking(model, end_call, transfer_call) as it:
        assert await it.answer() == "Goodbye."
        assert len(it.chain.down.of(HangUpFrame)) == 1
        assert [frame.to for frame in it.chain.down.of(TransferFrame)] == ["+15550100"]


async def test_long_results_are_cut() -> None:
    async def read(params: FunctionCallParams) -> Any:
        """Read a book."""
        return "word " * 10_000

    model = ScriptedModel([calling(("read", "{}")), "Long."])
    async with thinking(model, read) as it:
        await it.answer()
    assert len(model.asked[1][3]["content"]) == 4000


async def test_a_tool_that_ends_the_call_may_be_followed_by_silence() -> None:
    model = ScriptedModel([calling(("end_call", "{}"), text="Goodbye."), ""])
    async with thinking(model, end_call) as it:
        await it.ask()
        await it.chain.down.until(LLMFullResponseEndFrame)
        assert it.chain.down.of(HangUpFrame)
        assert it.chain.down.of(PhraseFrame) == []
    assert len(model.asked) == 2


async def test_silence_after_another_tool_is_a_failure() -> None:
    model = ScriptedModel([calling(("weather", "{}")), "", ""])
    async with thinking(model, weather) as it:
        await it.ask()
        phrase = await it.chain.down.until(PhraseFrame)
    assert phrase.phrase == "apology"
    assert len(model.asked) == 3  # once more, and then nobody is left
