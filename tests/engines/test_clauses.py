"""Where text is cut for an engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.engines.clauses import (
    MAX_CHARS,
    NO_LIMITS,
    ClauseLimits,
    clauses,
    is_speakable,
    limits_of,
    safe_cut,
)

SPOKEN = (
    "Dr. Smith paid $3.50 to Mr. Jones, and then he went on a really long and winding way to "
    "the house of his mother. He left at 5 p.m. yesterday! Did he? Yes."
)
PIECES = [
    "Dr. Smith paid $3.50 to Mr. Jones, ",
    "and then he went on a really long and winding way to the house of his mother. ",
    "He left at 5 p.m. yesterday! ",
    "Did he? ",
    "Yes.",
]
SHY = ClauseLimits(max_chars=300, first_chars=80, least_chars=15)
writing = st.lists(
    st.sampled_from(["Hello", " ", ". ", ", ", "Dr. ", "3.5", "!", "?", "\n", "日本語。", "😀"])
    | st.text(max_size=8)
    | st.text(st.characters(categories=["L", "M"]), min_size=150, max_size=300)
).map("".join)


def texts(text: str, limits: ClauseLimits = NO_LIMITS) -> list[str]:
    return [clause.text for clause in clauses(text, limits=limits)]


def test_sentences_are_cut_and_abbreviations_and_decimals_are_not() -> None:
    assert texts(SPOKEN) == PIECES


def test_a_short_first_sentence_stays_whole() -> None:
    assert texts("Well, I do not know, really.") == ["Well, I do not know, really."]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("日本語です。はい。そうです", ["日本語です。", "はい。", "そうです"]),
        ("🙂 Hi 🙂! 🙂🙂", ["🙂 Hi 🙂! 🙂🙂"]),
        ("... Hello. ... World.", ["... Hello. ... ", "World."]),
        ("x" * 450, ["x" * 200, "x" * 200, "x" * 50]),
        ("e\u0301" * 150, ["e\u0301" * 100, "e\u0301" * 50]),
        ("one\n\ntwo", ["one\n\n", "two"]),
    ],
)
def test_other_texts_are_cut_where_one_would_breathe(text: str, pieces: list[str]) -> None:
    assert texts(text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Yes. I will do that for you now.", ["Yes. I will do that for you now."]),
        ("No. No. No. I will not do that.", ["No. No. No. I will not do that."]),
        ("That is what I have said. Yes.", ["That is what I have said. Yes."]),
        ("Yes.", ["Yes."]),
    ],
)
def test_a_short_clause_is_joined_with_its_neighbour(text: str, pieces: list[str]) -> None:
    found = texts(text, SHY)
    assert "".join(found) == text
    assert all(len(piece.strip()) >= SHY.least_chars for piece in found[:-1])
    assert found == pieces


def test_an_engine_counts_in_its_own_units() -> None:
    limits = ClauseLimits(max_tokens=4, count_tokens=lambda text: len(text.split()))
    text = "one two three four five six seven eight nine, ten eleven twelve. Thirteen fourteen."
    found = texts(text, limits)
    assert "".join(found) == text
    assert all(len(piece.split()) <= 4 for piece in found)


def test_text_without_a_space_has_clauses_of_few_tokens_too() -> None:
    limits = ClauseLimits(max_tokens=10)
    assert max(map(len, texts("x" * 5000, limits))) <= 10


@pytest.mark.parametrize(
    "character", ["e\u0301", "👩‍🚀", "👍🏽", "🇩🇪", "नि", "\r\n", "1\ufe0f\u20e3", "각"]
)
def test_no_cut_is_inside_a_character(character: str) -> None:
    text = character * 40
    for limit in range(12, 40):
        assert safe_cut(text, 0, limit) % len(character) == 0


def test_a_character_of_very_many_marks_is_cut_all_the_same() -> None:
    assert 0 < safe_cut("a" + "\u0301" * 500, 0, 200) <= 200


class Careful:
    clause_limits = SHY


def test_a_speaker_may_have_limits_of_its_own() -> None:
    assert limits_of(Careful()) is SHY
    assert limits_of(object()) is NO_LIMITS


@given(writing, st.sampled_from([NO_LIMITS, SHY, ClauseLimits(max_tokens=7)]))
def test_clauses_are_the_text_and_each_can_be_spoken(text: str, limits: ClauseLimits) -> None:
    pieces = clauses(text, limits=limits)
    assert "".join(piece.text for piece in pieces) == text
    at = 0
    for piece in pieces:
        assert piece.start == at
        assert piece.text == text[piece.start : piece.end]
        assert piece.text
        at = piece.end
    if is_speakable(text):
        assert all(is_speakable(piece.text) for piece in pieces)


@given(st.text(st.characters(categories=["L", "N", "Zs", "P"]), max_size=1000))
def test_no_clause_has_more_to_say_than_the_limit(text: str) -> None:
    for limits, most in ((NO_LIMITS, MAX_CHARS), (SHY, 300)):
        for piece in clauses(text, limits=limits):
            assert sum(character.isalnum() for character in piece.text) <= most
