from dataclasses import dataclass

from voice_agent.llm.tool_calls import CallAssembler, ToolCall


@dataclass
class Function:
    name: str | None = None
    arguments: object = None


@dataclass
class Fragment:
    index: int | None
    id: str | None
    function: Function | None


def assembled(*chunks: list[Fragment]) -> list[ToolCall]:
    calls = CallAssembler()
    for chunk in chunks:
        calls.feed(chunk)
    return calls.calls


def test_calls_come_in_pieces_and_several_at_a_time() -> None:
    assert assembled(
        [Fragment(0, "a", Function("order", ""))],
        [Fragment(0, None, Function(None, '{"num'))],
        [Fragment(1, "b", Function("time", "{")), Fragment(0, None, Function(None, 'ber": 7}'))],
        [Fragment(1, None, Function(None, "}"))],
    ) == [ToolCall("a", "order", '{"number": 7}'), ToolCall("b", "time", "{}")]


def test_calls_that_all_have_number_0_are_told_apart_by_their_ids() -> None:
    chunk = [Fragment(0, "a", Function("time", "{}")), Fragment(0, "b", Function("day", "{}"))]
    assert assembled(chunk) == [ToolCall("a", "time", "{}"), ToolCall("b", "day", "{}")]


def test_an_id_that_is_repeated_or_missing_begins_no_call() -> None:
    assert assembled(
        [Fragment(None, "a", Function("time", None))], [Fragment(None, "a", Function(None, "{}"))]
    ) == [ToolCall("a", "time", "{}")]
    (call,) = assembled([Fragment(0, None, Function("time", "{}"))])
    assert (call.name, call.arguments) == ("time", "{}")
    assert call.id


def test_arguments_may_be_an_object_already() -> None:
    (call,) = assembled([Fragment(0, "a", Function("order", {"number": 7}))])
    assert call.arguments == '{"number": 7}'


def test_what_has_no_name_is_no_call() -> None:
    assert assembled([Fragment(0, "a", None), Fragment(0, None, Function(None, "{}"))]) == []
