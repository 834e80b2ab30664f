"""Conversations as strict templates take them: the roles alternate, and nothing is lost."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voice_agent.llm.chat_template import Message, alternating, without_system


def message(role: str, text: str | None, **more: Any) -> Message:
    return {"role": role, "content": text, **more}


CALL = message("assistant", None, tool_calls=[{"id": "1"}])
RESULT = message("tool", "42", tool_call_id="1")


def test_neighbours_of_one_role_are_one_message() -> None:
    given_ = [message("user", "one"), message("user", "two"), message("assistant", "a"),
              message("assistant", "b")]  # fmt: skip
    assert alternating(given_) == [message("user", "one\ntwo"), message("assistant", "a b")]


def test_what_was_said_before_the_first_question_is_told_to_the_model() -> None:
    system, first, *rest = alternating(
        [message("system", "Be short."), message("assistant", "Welcome."), message("user", "hi")]
    )
    assert system["content"].startswith("Be short.")
    assert "Welcome." in system["content"]
    assert (first, rest) == (message("user", "hi"), [])


def test_a_system_message_in_the_middle_is_told_at_the_beginning() -> None:
    conversation = [message("user", "hi"), message("system", "It is late."), message("user", "so")]
    assert alternating(conversation) == [
        message("system", "It is late."),
        message("user", "hi\nso"),
    ]


def test_text_before_a_call_is_of_one_message_with_it() -> None:
    said = message("assistant", "One moment.")
    conversation = [message("user", "hi"), said, CALL, RESULT, message("assistant", "Done.")]
    assert alternating(conversation) == [
        message("user", "hi"),
        {**CALL, "content": "One moment."},
        RESULT,
        message("assistant", "Done."),
    ]


def test_calls_one_after_another_keep_their_results() -> None:
    conversation = [message("user", "hi"), CALL, RESULT, CALL, RESULT]
    assert alternating(conversation) == conversation


def test_without_a_system_role_the_first_question_begins_with_it() -> None:
    conversation = [message("system", "Be short."), message("user", "hi")]
    assert without_system(conversation) == [message("user", "Be short.\n\nhi")]
    assert without_system([message("user", "hi")]) == [message("user", "hi")]


def test_parts_are_left_alone() -> None:
    parts: Any = [{"type": "text", "text": "look"}]
    conversation = [message("user", "hi"), {"role": "user", "content": parts}]
    assert alternating(conversation) == conversation


@given(st.lists(st.sampled_from(["system", "user", "assistant"])))
def test_any_conversation_alternates_and_loses_nothing(roles: list[str]) -> None:
    conversation = [message(role, f"word{n}") for n, role in enumerate(roles)]
    made = alternating(conversation)
    kinds = [m["role"] for m in made]
    turns = kinds[1:] if kinds[:1] == ["system"] else kinds
    assert "system" not in turns
    assert turns == ["user", "assistant"] * (len(turns) // 2) + ["user"] * (len(turns) % 2)
    told = " ".join(m["content"] for m in made).split()
    assert sorted(w for w in told if w.startswith("word")) == sorted(
        f"word{n}" for n in range(len(roles))
    )
    folded = [m["role"] for m in without_system(made)]
    assert "system" not in folded
