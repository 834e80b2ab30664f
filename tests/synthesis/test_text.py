"""What may be spoken, where it is cut, and text that comes piece by piece."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.engines.clauses import MAX_CHARS, clauses, is_speakable
from voice_agent.errors import BadMessage, TextTooLong
from voice_agent.synthesis.text import TextAssembler, check_text

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
writing = st.lists(
    st.sampled_from(
        [
            "Hello",
            " ",
            ". ",
            ", ",
            "Dr. ",
            "3.5",
            "!",
            "?",
            "\n",
            "日本語。",
            "😀",
            "e\u0301",
            "\u200d",
        ]
    )
    | st.text(max_size=8)
    | st.text(st.characters(categories=["L", "M"]), min_size=150, max_size=300)
).map("".join)


@pytest.mark.parametrize("text", ["", "  \n", "...", "😀🎉", "?! —", "👩‍🚀", "\x00"])
def test_text_with_nothing_to_speak_is_refused(text: str) -> None:
    with pytest.raises(BadMessage, match="nothing to speak"):
        check_text(text, 5000)


@pytest.mark.parametrize("text", ["a", "1", "日本", "½ 😀", "é", "Привет", "x" * 5000])
def test_text_with_a_letter_or_digit_is_taken(text: str) -> None:
    check_text(text, 5000)


def test_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(TextTooLong, match="5001"):
        check_text("x" * 5001, 5000)


def test_sentences_are_cut_and_abbreviations_and_decimals_are_not() -> None:
    assert [clause.text for clause in clauses(SPOKEN)] == PIECES


def test_a_short_first_sentence_stays_whole() -> None:
    assert [c.text for c in clauses("Well, I do not know, really.")] == [
        "Well, I do not know, really."
    ]


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
    assert [clause.text for clause in clauses(text)] == pieces


@given(writing)
def test_clauses_are_the_text_and_each_can_be_spoken(text: str) -> None:
    pieces = clauses(text)
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
    for piece in clauses(text):
        assert sum(character.isalnum() for character in piece.text) <= MAX_CHARS


@given(writing, st.lists(st.integers(1, 30), min_size=1))
def test_text_as_it_is_written_is_spoken_whole(text: str, steps: list[int]) -> None:
    assembler = TextAssembler(1 << 20)
    given_out = []
    at = turn = 0
    while at < len(text):
        step = steps[turn % len(steps)]
        given_out += assembler.feed(text[at : at + step])
        at, turn = at + step, turn + 1
    if not is_speakable(text):
        with pytest.raises(BadMessage):
            assembler.flush()
        assert not given_out
        return
    given_out += assembler.flush()
    end = 0
    for clause in given_out:
        assert clause.start == end
        assert clause.text == text[clause.start : clause.end]
        assert is_speakable(clause.text)
        end = clause.end
    assert not is_speakable(text[end:])


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_letter_by_letter_gives_the_same_clauses_as_the_whole(step: int) -> None:
    assembler = TextAssembler(5000)
    found = []
    for at in range(0, len(SPOKEN), step):
        found += assembler.feed(SPOKEN[at : at + step])
    assert [clause.text for clause in found + assembler.flush()] == PIECES


def test_a_sentence_is_given_out_as_soon_as_it_is_sure() -> None:
    assembler = TextAssembler(5000)
    assert assembler.feed("I am here.") == []  # 10 a.m.? 3.5?
    assert [c.text for c in assembler.feed(" ")] == ["I am here. "]
    assert assembler.feed("Ask Dr. ") == []
    assert [c.text for c in assembler.feed("Lee! ")] == ["Ask Dr. Lee! "]


def test_the_first_clause_does_not_wait_for_its_sentence() -> None:
    assembler = TextAssembler(5000)
    (clause,) = assembler.feed("That is a good question, and I am very glad")
    assert clause.text == "That is a good question, "
    assert assembler.feed(", truly glad, that you asked") == []


def test_the_limit_holds_for_the_whole_text() -> None:
    assembler = TextAssembler(20)
    assembler.feed("Hello there. Yes. ")
    with pytest.raises(TextTooLong):
        assembler.feed("no, no")
    assembler.feed("ok")
    assert [clause.text for clause in assembler.flush()] == ["ok"]
