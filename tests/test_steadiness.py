"""What the benchmarks count of partials."""

import pytest

from benchmarks.steadiness import turns
from voice_agent.wire.asr import AsrServerMessage, Final, Partial, Word


def partial(text: str, settled: str, at_s: float) -> Partial:
    assert text.startswith(settled)
    return Partial(text=text, committed=len(settled), confidence=1, timestamp=at_s)


def final(text: str) -> Final:
    words = [
        Word(word=word, start=n, end=n + 0.5, confidence=1) for n, word in enumerate(text.split())
    ]
    return Final(
        text=text,
        start=0,
        end=len(words),
        confidence=1,
        language="en",
        turn_complete=True,
        ended_by="smart_turn",
        revised=0,
        words=words,
    )


@pytest.fixture
def messages() -> list[AsrServerMessage]:
    return [
        partial("the bird", "", 1.0),
        partial("the birch can", "the", 1.5),
        partial("the birch canoe", "the birch", 2.0),
        final("The birch canoe slid."),
        partial("yes", "", 9.0),
        final("Yes."),
    ]


def test_a_turn_is_what_comes_up_to_its_final(messages: list[AsrServerMessage]) -> None:
    assert [(len(turn.partials), turn.final.text) for turn in turns(messages)] == [
        (3, "The birch canoe slid."),
        (1, "Yes."),
    ]


def test_a_word_is_settled_by_the_first_partial_that_says_so(
    messages: list[AsrServerMessage],
) -> None:
    first, second = turns(messages)
    assert first.settled == ["the", "birch"]
    assert first.settled_after_s == [1.5 - 0.5, 2.0 - 1.5]
    assert second.settled_after_s == []


def test_words_that_disappear_are_withdrawn(messages: list[AsrServerMessage]) -> None:
    first, second = turns(messages)
    assert first.withdrawn == 2  # bird, can
    assert second.withdrawn == 0


def test_settled_words_that_change_or_disappear_are_counted(
    messages: list[AsrServerMessage],
) -> None:
    assert [turn.changed for turn in turns(messages)] == [0, 0]
    broken = [partial("a b c", "a b", 1), partial("a x c", "a x", 2), partial("a", "a", 3)]
    (turn,) = turns([*broken, final("a")])
    assert turn.changed == 2
