import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.responder import in_words, number, respond

NO_MODEL = "No language model is connected"


def at_noon() -> datetime:
    return datetime(2025, 3, 9, 12, 5)


def answer(text: str) -> str:
    return respond(text, at_noon)


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("What time is it?", "It is 12:05."),
        ("please tell me the time", "It is 12:05."),
        ("what is the date today", "Today is Sunday, March 9, 2025."),
        ("Which day is it?", "Today is Sunday, March 9, 2025."),
        ("count to five", "One, two, three, four, five."),
        ("Count up to 3, please.", "One, two, three."),
        ("count from one to two", "One, two."),
        ("count to zero", "Zero. That was quick."),
        ("count to thirty one", "That is a long way. I count to thirty at most."),
        ("count to 1000000", "That is a long way. I count to thirty at most."),
        ("count to ten please", "One, two, three, four, five, six, seven, eight, nine, ten."),
        ("what is two plus three", "Two plus three is five."),
        ("twenty one plus twenty-two", "Twenty-one plus twenty-two is forty-three."),
        ("what is three minus five", "Three minus five is minus two."),
        ("add 99 and 2", "Ninety-nine plus two is 101."),
        ("add four to six please", "Four plus six is ten."),
        ("spell banana", "Banana is spelled B, A, N, A, N, A."),
        ("spell the word cat please", "Cat is spelled C, A, T."),
        ("repeat after me: good things take time", "Good things take time."),
        ("say hello", "Hello."),
        ("Thank you very much", "You are welcome."),
        ("goodbye", "Goodbye."),
    ],
)
def test_a_rule_answers(said: str, answered: str) -> None:
    assert answer(said) == answered


@pytest.mark.parametrize(
    "said", ["hello", "Good morning!", "help", "what can you do", "who are you"]
)
def test_a_greeting_and_help_say_that_no_model_is_connected(said: str) -> None:
    assert NO_MODEL in answer(said)


@pytest.mark.parametrize(
    "said",
    [
        "the quick brown fox",
        "count to infinity",
        "what is love plus hate",
        "one day at a time",
        "i say that it is late",
        "twenty thirty minus",
        "4" * 5000,
    ],
)
def test_what_no_rule_knows_is_repeated_and_the_reason_given(said: str) -> None:
    assert answer(said) == f"You said: {said}. {NO_MODEL}, so I can only repeat it."


@pytest.mark.parametrize("said", ["", "  ", "?!", "\U0001f600"])
def test_no_words_at_all_are_answered_too(said: str) -> None:
    assert answer(said).startswith("I heard no words.")


def test_a_long_word_is_not_spelled() -> None:
    assert answer("spell " + "a" * 4000).startswith("That is too long a word.")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("seven", 7),
        ("ninety nine", 99),
        ("ninety-nine", 99),
        ("042", 42),
        ("one twenty", None),
        ("twenty eleven", None),
        ("two two", None),
        ("hundred", None),
        ("1" * 5000, None),
        ("", None),
    ],
)
def test_numbers_are_understood_up_to_ninety_nine(words: str, value: int | None) -> None:
    assert number(words) == value


@given(st.integers(0, 99))
def test_a_number_in_words_is_understood(value: int) -> None:
    assert number(in_words(value)) == value


_WORDS = st.sampled_from(
    ["count", "to", "add", "plus", "minus", "spell", "say", "day", "twenty", "7", "and", "²", "٣"]
)


@given(st.text() | st.lists(_WORDS, max_size=8).map(" ".join))
def test_an_answer_is_never_empty_and_a_whole_sentence(said: str) -> None:
    reply = answer(said)
    assert re.search(r"\w", reply)
    assert reply.endswith(".")
