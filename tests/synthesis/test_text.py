"""What may be spoken, and text that comes piece by piece."""

import pytest

from voice_agent.engines.clauses import ClauseLimits
from voice_agent.errors import BadMessage, TextTooLong
from voice_agent.synthesis.text import TextAssembler, spoken_text

SPOKEN = (
    "Dr. Smith paid $3.50 to Mr. Jones, and then he went on a really long and winding way to "
    "the house of his mother. He left at 5 p.m. yesterday! Did he? Yes."
)
PARTS = [
    "Doctor Smith paid three dollars and fifty cents to Mister Jones, ",
    "and then he went on a really long and winding way to the house of his mother. ",
    "He left at five P M yesterday! ",
    "Did he? ",
    "Yes.",
]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "  \n",
            "...",
            "😀🎉",
            "?! —",
            "👩‍🚀",
            "\x00",
            "**",
            "<br/>",
            "<!-- a -->",
            "---",
            "&nbsp;",
        ),
        *("![](http://example.com/a.png)", "|---|---|", "%", "\ud800", "$", "[^1]"),
    ],
)
def test_text_with_nothing_to_speak_is_refused(text: str) -> None:
    with pytest.raises(BadMessage, match="nothing to speak"):
        spoken_text(text, 5000)


@pytest.mark.parametrize("text", ["a", "1", "日本", "½ 😀", "é", "Привет", "x" * 5000, "9" * 5000])
def test_text_with_a_letter_or_digit_is_taken(text: str) -> None:
    assert spoken_text(text, 5000).text


def test_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(TextTooLong, match="5001"):
        spoken_text("x" * 5001, 5000)


def test_what_is_long_only_when_it_is_spoken_is_taken() -> None:
    assert len(spoken_text("9" * 15, 15).text) > 100


def test_text_may_be_left_as_it_is() -> None:
    text = "It costs **$5**."
    assert spoken_text(text, 5000, rewrite=False).text == text
    assembler = TextAssembler(5000, rewrite=False)
    parts = [*assembler.feed(text + " And $6."), *assembler.flush()]
    assert [part.text for part in parts] == ["It costs **$5**. ", "And $6."]


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_letter_by_letter_gives_the_same_parts_as_the_whole(step: int) -> None:
    assembler = TextAssembler(5000)
    found = []
    for at in range(0, len(SPOKEN), step):
        found += assembler.feed(SPOKEN[at : at + step])
    assert [part.text for part in found + assembler.flush()] == PARTS


def test_a_sentence_is_given_out_as_soon_as_it_is_sure() -> None:
    assembler = TextAssembler(5000)
    assert assembler.feed("I am here.") == []  # 10 a.m.? 3.5?
    assert [part.text for part in assembler.feed(" ")] == ["I am here. "]
    assert assembler.feed("Ask Dr. ") == []
    assert [part.text for part in assembler.feed("Lee! ")] == ["Ask Doctor Lee! "]


def test_the_first_part_does_not_wait_for_its_sentence() -> None:
    assembler = TextAssembler(5000)
    (part,) = assembler.feed("That is a good question, and I am very glad")
    assert part.text == "That is a good question, "
    assert assembler.feed(", truly glad, that you asked") == []


def test_the_limit_holds_for_the_whole_text() -> None:
    assembler = TextAssembler(20)
    assembler.feed("Hello there. Yes. ")
    with pytest.raises(TextTooLong):
        assembler.feed("no, no")
    assembler.feed("ok")
    assert [part.text for part in assembler.flush()] == ["ok"]


def test_what_is_not_spoken_goes_with_what_follows() -> None:
    assembler = TextAssembler(5000)
    assert assembler.feed("---\n\n") == []
    (part,) = assembler.feed("Hello there.\n")
    assert (part.text, part.start, part.end) == ("Hello there. ", 5, 18)
    assert assembler.feed("---\n") == []
    assert assembler.flush() == []


def test_a_text_that_turns_out_to_be_nothing_is_refused_at_its_end() -> None:
    assembler = TextAssembler(5000)
    assert assembler.feed("**🙂**\n\n") == []
    with pytest.raises(BadMessage, match="nothing to speak"):
        assembler.flush()


class TestShortParts:
    """For engines that speak nonsense when they are given a single word."""

    def assembler(self) -> TextAssembler:
        return TextAssembler(5000, limits=ClauseLimits(least_chars=12))

    def test_one_waits_for_the_next(self) -> None:
        assembler = self.assembler()
        assert assembler.feed("Yes. ") == []
        assert assembler.waiting
        (part,) = assembler.feed("I can do that. ")
        assert part.text == "Yes. I can do that. "
        assert (part.start, part.end) == (0, 20)
        assert not assembler.waiting

    def test_one_is_given_out_when_nothing_follows_for_a_while(self) -> None:
        assembler = self.assembler()
        assembler.feed("Yes. ")
        assert [part.text for part in assembler.release()] == ["Yes. "]
        assert assembler.release() == []

    def test_one_at_the_end_is_spoken_as_it_is(self) -> None:
        assembler = self.assembler()
        assembler.feed("Yes.")
        assert [part.text for part in assembler.flush()] == ["Yes."]
