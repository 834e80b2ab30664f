"""Numbers in words, against a library that is too slow to run for every number."""

import random
import re

import pytest
from num2words import num2words

from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.rules import Numbers


def numbers_of(language: str) -> Numbers:
    numbers = rules_for(language).numbers
    assert numbers is not None
    return numbers


def some_numbers() -> list[int]:
    draw = random.Random(4)
    return [*range(2000), *(draw.randrange(10 ** draw.randrange(4, 15)) for _ in range(500))]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_cardinals_are_those_of_num2words(language: str) -> None:
    cardinal = numbers_of(language).cardinal
    for n in some_numbers():
        expected = num2words(n, lang=language)
        said = cardinal(n)
        match language:
            case "en":
                expected = expected.replace(",", "").replace(" and ", " ")
            case "de":
                # it has "einstausend" and "dreihunderteins Millionen" after hundreds
                expected = expected.replace("hunderteinstausend", "hunderteintausend")
                expected = expected.replace("hunderteins M", "hundertein M")
                expected = expected.replace("hunderteins B", "hundertein B")
            case "es":
                # and "uno mil" for "un mil"
                expected = re.sub(r"veintiuno (?=m|b)", "veintiún ", expected)
                expected = re.sub(r"uno (?=m|b)", "un ", expected)
            case _:
                pass
        assert said == expected, n


@pytest.mark.parametrize(("language", "most"), [("en", 300), ("de", 99), ("fr", 79)])
def test_ordinals_are_those_of_num2words(language: str, most: int) -> None:
    for n in range(1, most):
        expected = num2words(n, lang=language, to="ordinal")
        assert numbers_of(language).ordinal(n) == expected.replace(" and ", " "), n


@pytest.mark.parametrize(
    ("language", "n", "words"),
    [
        ("de", 1, "ein"),
        ("de", 21, "einundzwanzig"),
        ("de", 101, "hundertein"),
        ("es", 1, "un"),
        ("es", 21, "veintiún"),
        ("es", 31, "treinta y un"),
        ("fr", 1, "un"),
    ],
)
def test_before_a_noun_one_is_another_word(language: str, n: int, words: str) -> None:
    assert numbers_of(language).counted(n).removeprefix("ein") == words.removeprefix("ein")


@pytest.mark.parametrize(
    ("year", "words"),
    [
        (1066, "ten sixty-six"),
        (1900, "nineteen hundred"),
        (1905, "nineteen oh five"),
        (1984, "nineteen eighty-four"),
        (2000, "two thousand"),
        (2005, "two thousand five"),
        (2010, "twenty ten"),
        (2024, "twenty twenty-four"),
    ],
)
def test_years_are_said_in_pairs(year: int, words: str) -> None:
    assert numbers_of("en").year(year) == words


def test_german_years_before_2000_are_counted_in_hundreds() -> None:
    assert numbers_of("de").year(1999) == "neunzehnhundertneunundneunzig"
    assert numbers_of("de").year(2024) == "zweitausendvierundzwanzig"
