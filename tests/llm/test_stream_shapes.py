"""Streams as providers send them, over HTTP: which text is spoken, which calls are made."""

import json
from typing import Any

import pytest

from tests.llm.test_openai_endpoint import asking, written
from tests.scripted_llm import Script, ScriptedModel
from voice_agent.llm.request import EndpointFailed
from voice_agent.llm.tool_calls import ToolCall

Delta = dict[str, Any]
_DONE = "data: [DONE]\n\n"
_USAGE = 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"total_tokens":2}}\n\n'


def event(delta: Delta, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n"


def text(*pieces: object) -> list[str]:
    return [event({"content": piece}) for piece in pieces]


def call(index: int | None, **fields: Any) -> Delta:
    function = {k: fields.pop(k) for k in ("name", "arguments") if k in fields}
    made = {"index": index, "type": "function", "function": function, **fields}
    return {key: value for key, value in made.items() if key != "index" or value is not None}


def calls(*made: Delta, **more: Any) -> str:
    return event({"tool_calls": list(made), **more})


STOP, TOOLS, LENGTH = event({}, "stop"), event({}, "tool_calls"), event({}, "length")
ONE, TWO = '{"a":1,"b":1}', '{"a":2,"b":2}'

ANSWERS: dict[str, tuple[list[str], str]] = {
    "OpenAI": (
        [event({"role": "assistant", "content": ""}), *text("It", " is", " noon."), STOP, _USAGE,
         _DONE],
        "It is noon.",
    ),
    "null content": (
        [event({"role": "assistant", "content": None}), *text("", None, "It is noon.", None), STOP,
         _DONE],
        "It is noon.",
    ),
    "usage first": ([_USAGE, *text("It is noon."), STOP, _DONE], "It is noon."),
    "no [DONE]": ([*text("It is noon."), STOP], "It is noon."),
    "no finish reason": (text("It is noon."), "It is noon."),
    "OpenRouter's comments": (
        [": OPENROUTER PROCESSING\n\n", *text("It is noon."), ": ping\n\n", STOP, _DONE],
        "It is noon.",
    ),
    "carriage returns": (
        [e.replace("\n", "\r\n") for e in [*text("It is", " noon."), STOP, _DONE]],
        "It is noon.",
    ),
    "the last word with the reason": (
        [*text("It is"), event({"content": " noon."}, "stop"), _DONE],
        "It is noon.",
    ),
    "Mistral's parts": (
        [*text([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}],
               [{"type": "text", "text": "It is noon."}]), STOP, _DONE],
        "It is noon.",
    ),
    "reasoning apart": (
        [event({"reasoning_content": "Hm."}), event({"reasoning": "Hm."}), *text("It is noon."),
         STOP, _DONE],
        "It is noon.",
    ),
    "Qwen's thought": (
        [*text("<th", "ink>", "\nHm.\n", "</thi", "nk>", "\n\n", "It is", " noon."), STOP, _DONE],
        "It is noon.",
    ),
    "an upper case thought": ([*text("<THINK>Hm.</THINK>It is noon."), STOP, _DONE], "It is noon."),
    "harmony": (
        [*text("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final"
               "<|message|>", "It is noon."), STOP, _DONE],
        "It is noon.",
    ),
    "end tokens": ([*text("It is noon.", "<|im_end|>", "<|eot_id|></s>"), STOP], "It is noon."),
    "a call as text before words": (
        [*text('<tool_call>{"name": "add"}</tool_call>', "It is noon."), STOP, _DONE],
        "It is noon.",
    ),
}  # fmt: skip

CALLS: dict[str, tuple[list[str], list[tuple[str, str]]]] = {
    "in pieces": (
        [calls(call(0, id="c1", name="add", arguments="")),
         *(calls(call(0, arguments=piece)) for piece in ('{"a":1', ',"b":1}')), TOOLS, _DONE],
        [("add", ONE)],
    ),
    "two at once": (
        [calls(call(0, id="c1", name="add", arguments="")),
         calls(call(1, id="c2", name="add", arguments="")),
         calls(call(1, arguments=TWO), call(0, arguments=ONE)), TOOLS, _DONE],
        [("add", ONE), ("add", TWO)],
    ),
    "all with index 0": (
        [calls(call(0, id="c1", name="add", arguments=ONE)),
         calls(call(0, id="c2", name="add", arguments=TWO)), TOOLS, _DONE],
        [("add", ONE), ("add", TWO)],
    ),
    "no index": (
        [calls(call(None, id="c1", name="add", arguments=ONE)),
         calls(call(None, id="c2", name="add", arguments=TWO)), TOOLS, _DONE],
        [("add", ONE), ("add", TWO)],
    ),
    "index 0 and empty ids": (
        [calls(call(0, id="", name="add", arguments=ONE),
               call(0, id="", name="add", arguments=TWO)), STOP, _DONE],
        [("add", ONE), ("add", TWO)],
    ),
    "no ids": (
        [calls(call(0, name="add", arguments=ONE), call(1, name="add", arguments=TWO)), STOP,
         _DONE],
        [("add", ONE), ("add", TWO)],
    ),
    "the name again": (
        [calls(call(0, id="c1", name="add", arguments='{"a":1')),
         calls(call(0, id="c1", name="add", arguments=',"b":1}')), TOOLS, _DONE],
        [("add", ONE)],
    ),
    "the name again without ids": (
        [calls(call(0, name="add", arguments='{"a":1')),
         calls(call(0, name="add", arguments=',"b":1}')), TOOLS, _DONE],
        [("add", ONE)],
    ),
    "nulls later": (
        [calls(call(0, id="c1", name="add", arguments='{"a":1')),
         calls(call(0, id=None, name=None, arguments=',"b":1}')), event({"tool_calls": None}),
         TOOLS, _DONE],
        [("add", ONE)],
    ),
    "begins at 1": ([calls(call(1, id="c1", name="add", arguments=ONE)), TOOLS], [("add", ONE)]),
    "an object": (
        [calls(call(0, id="c1", name="add", arguments={"a": 1, "b": 1})), TOOLS],
        [("add", '{"a": 1, "b": 1}')],
    ),
    "stop as the reason": (
        [calls(call(0, id="c1", name="add", arguments=ONE)), STOP, _DONE], [("add", ONE)],
    ),
    "its text in the same delta": (
        [calls(call(0, id="c1", name="add", arguments=ONE), content=f"add({ONE})"), TOOLS, _DONE],
        [("add", ONE)],
    ),
}  # fmt: skip

NOTHING: dict[str, list[str]] = {
    "stop": [event({"role": "assistant", "content": ""}), STOP, _DONE],
    "length": [*text(""), LENGTH, _DONE],
    "filtered": [*text(""), event({}, "content_filter"), _DONE],
    "refused": [event({"refusal": "I cannot help with that."}), STOP, _DONE],
    "all thought": [event({"reasoning_content": "Hm. " * 20}), LENGTH, _DONE],
    "a thought without end": [*text("<think>", "I am thinking"), LENGTH, _DONE],
    "signs": [*text("..."), STOP, _DONE],
    "emoji": [*text("😀"), STOP, _DONE],
    "a call as text": [*text('<tool_call>{"name": "add"}</tool_call>'), STOP, _DONE],
}


@pytest.mark.parametrize("shape", ANSWERS)
async def test_what_is_an_answer_is_spoken(shape: str) -> None:
    events, answer = ANSWERS[shape]
    async with asking(ScriptedModel([Script(raw="".join(events))])) as endpoint:
        assert "".join(map(str, await written(endpoint))) == answer


@pytest.mark.parametrize("shape", CALLS)
async def test_what_is_a_call_is_made_and_not_spoken(shape: str) -> None:
    events, wanted = CALLS[shape]
    async with asking(ScriptedModel([Script(raw="".join(events))])) as endpoint:
        pieces = await written(endpoint)
    made = [piece for piece in pieces if isinstance(piece, ToolCall)]
    assert [(call.name, call.arguments) for call in made] == wanted
    assert len({call.id for call in made}) == len(made)
    assert len(made) == len(pieces)


@pytest.mark.parametrize("shape", NOTHING)
async def test_what_is_no_answer_is_a_failure_and_not_silence(shape: str) -> None:
    async with asking(ScriptedModel([Script(raw="".join(NOTHING[shape]))])) as endpoint:
        with pytest.raises(EndpointFailed) as failed:
            await written(endpoint)
    assert failed.value.empty
    assert failed.value.again
