"""Signs in the words until a pause."""

import pytest

from voice_agent.turns.phrase_end import PhraseEnd, has_rules, phrase_end


def signs(text: str, language: str = "en") -> set[str]:
    end = phrase_end(text, language)
    assert isinstance(end, PhraseEnd)
    names = (*PhraseEnd.__slots__, "number_open", "number_full")
    return {name for name in names if getattr(end, name) is True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The pencils have all been used.", {"full_stop"}),
        ("What time does the museum close?", {"question"}),
        ("I would like to", {"hangs"}),
        ("I waited for an hour and.", {"full_stop", "hangs"}),  # recognisers end every text
        ("What is", {"may_hang"}),
        ("I have a question about my bill, but", {"hangs"}),
        ("Turn left at the", {"hangs"}),
        ("in short", {"leads_in"}),
        ("In short,", {"leads_in", "open_mark"}),
        ("Well, for example,", {"leads_in", "open_mark"}),
        ("It was, um", {"filler"}),
        ("So,", {"filler", "may_hang", "open_mark"}),
        ("In the end everything went well.", {"full_stop"}),
        ("When I press the button", {"clause_open"}),
        ("When I press the button, nothing happens.", {"full_stop"}),
        ("When will you come?", {"question"}),
        ("Yes.", {"full_stop", "short_answer"}),
        ("Yes, I do.", {"full_stop"}),
        ("Thank you very much.", {"full_stop", "closing"}),
        ("Who do I talk to?", {"question"}),
        ("I want to talk to", {"hangs"}),
        ("Send it to J-O-H", {"spelled"}),
        ("My number is 415 226", {"number_open"}),
        ("four one five two two six", {"number_open"}),
        ("It's 415-226-7913.", {"full_stop", "number_full"}),
        ("I am 47.", {"full_stop"}),
        ("I had dinner—", {"open_mark"}),
        ("And then...", {"open_mark", "may_hang"}),
    ],
)
def test_words_show_whether_more_follows(text: str, expected: set[str]) -> None:
    assert signs(text) == expected


@pytest.mark.parametrize(
    ("text", "n_digits"),
    [
        ("four one five", 3),
        ("4222, 1375", 8),
        ("double seven two", 3),
        ("my number is 0 1 7 2", 4),
        ("seven o'clock", 0),
        ("twenty five", 2),
    ],
)
def test_digits_at_the_end_are_counted(text: str, n_digits: int) -> None:
    end = phrase_end(text, "en")
    assert end is not None
    assert end.n_digits == n_digits


@pytest.mark.parametrize("text", ["", " ", "...", "?", "—"])
def test_nothing_is_read_from_no_words(text: str) -> None:
    assert phrase_end(text, "en") is None


def test_a_language_without_rules_shows_nothing() -> None:
    assert phrase_end("und", "de") is None
    assert not has_rules("de")
    assert has_rules("en-GB")


@pytest.mark.parametrize(
    "text", ["’", "I’m", "A", "9", "\u4f60\u597d", "um", "a" * 5000, "1 " * 500]
)
def test_odd_texts_are_read_without_an_error(text: str) -> None:
    phrase_end(text, "en")
