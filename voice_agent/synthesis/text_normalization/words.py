"""Words that are not written as they are said: abbreviations, acronyms, roman numerals."""

import re
from collections.abc import Iterator
from functools import lru_cache

from voice_agent.synthesis.text_normalization.languages.english_words import NUMBERED, RULERS
from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import ENDS_SENTENCES, Numbers, Rules

_SENTENCE = re.compile(r"\s*\Z")
_CAPITAL = re.compile(r"\s+[A-ZÀ-Þ]")
_ACRONYM = re.compile(r"(?<![\w.&'’])([A-Z]{2,6})(s?)(?![\w&])")
_DOTTED = re.compile(r"(?<![\w.])(?:[A-Z]\.){2,6}")
_AND = re.compile(r"(?<![\w&])([A-Z]{1,2})&([A-Z]{1,2})(?![\w&])")
_MODEL = re.compile(r"(?<![\w-])([A-Z]{1,5})-?(\d{1,4})(?![\w-]|[.,]\d)")
_GENERATION = re.compile(r"(?<![\w.,-])(\d{1,3})([A-Z]{1,2})(?!\w)")
_SAINT = re.compile(r"(?<![\w.])St\.(?=[ ][A-Z])|(?<=[a-z] )St\.")
_ROMAN = re.compile(r"(?<!\w)(?P<name>[A-Z][a-z]{2,11})[ ](?P<roman>[IVXLC]{1,8})(?!\w|\.\w)")
_VALID = re.compile(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\Z")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def abbreviations(text: str, rules: Rules) -> Iterator[Edit]:
    """`Dr.`, `e.g.`, `z. B.`; a full stop that also ends the sentence stays."""
    if not rules.abbreviations:
        return
    for found in _abbreviations(rules.code).finditer(text):
        short = found.group()
        said = rules.abbreviations[short]
        if short.endswith("."):
            ends = _SENTENCE.match(text, found.end())
            if ends or (short in ENDS_SENTENCES and _CAPITAL.match(text, found.end())):
                said += "."
        yield Edit(*found.span(), said)


def saints_and_streets(text: str, rules: Rules) -> Iterator[Edit]:
    """`St. John` and `Main St.`"""
    if rules.complete and "St." in text:
        for found in _SAINT.finditer(text):
            street = text[: found.start()].endswith(" ") and not _CAPITAL.match(text, found.end())
            stop = "." if street and _SENTENCE.match(text, found.end()) else ""
            yield Edit(*found.span(), "Street" + stop if street else "Saint")


def acronyms(text: str, rules: Rules) -> Iterator[Edit]:
    """`FBI` and `PDFs` letter by letter, `NASA` as it is; `AT&T`, `U.S.`, `GPT-4`, `5G`."""
    if not rules.complete or rules.numbers is None:
        return
    edits = [Edit(*found.span(), _and(found)) for found in _AND.finditer(text)]
    edits += [Edit(*found.span(), _dotted(found)) for found in _DOTTED.finditer(text)]
    edits += [_model(found, rules, rules.numbers) for found in _MODEL.finditer(text)]
    edits += [_generation(found, rules.numbers) for found in _GENERATION.finditer(text)]
    # in a text that is all capitals nothing tells an acronym from a word
    shouted = text.isupper() and len(text.split()) > 1
    for found in _ACRONYM.finditer(text):
        if _is_spelt(found[1], rules) and not shouted:
            edits.append(Edit(*found.span(), " ".join(found[1]) + found[2]))
    yield from sorted(edits, key=lambda edit: (edit.start, -edit.end))


def romans(text: str, rules: Rules) -> Iterator[Edit]:
    """`Chapter IV`, `World War II`, `Henry VIII`: only where a name says what it is."""
    if not rules.complete or rules.numbers is None:
        return
    for found in _ROMAN.finditer(text):
        name, roman = found["name"], found["roman"]
        if not _VALID.match(roman) or (name not in NUMBERED and name not in RULERS):
            continue
        if roman == "I" and name in NUMBERED and name not in ("War", "Part", "Chapter", "Act"):
            continue  # "Level I think"
        n = _roman(roman)
        said = rules.numbers.cardinal(n) if name in NUMBERED else f"the {rules.numbers.ordinal(n)}"
        yield Edit(*found.span("roman"), said)


def _is_spelt(word: str, rules: Rules) -> bool:
    return word in rules.letters or not any(letter in "AEIOUY" for letter in word)


def _and(found: re.Match[str]) -> str:
    return f"{' '.join(found[1])} and {' '.join(found[2])}"


def _dotted(found: re.Match[str]) -> str:
    ends = _SENTENCE.match(found.string, found.end())
    return " ".join(found.group().replace(".", "")) + ("." if ends else "")


def _model(found: re.Match[str], rules: Rules, numbers: Numbers) -> Edit:
    letters, digits = found[1], found[2]
    spelt = len(letters) <= 2 or _is_spelt(letters, rules)
    said = " ".join(letters) if spelt else letters
    number = (
        " ".join(numbers.cardinal(int(digit)) for digit in digits)
        if digits[0] == "0" and len(digits) > 1
        else numbers.cardinal(int(digits))
    )
    return Edit(*found.span(), f"{said} {number}")


def _generation(found: re.Match[str], numbers: Numbers) -> Edit:
    return Edit(*found.span(), f"{numbers.cardinal(int(found[1]))} {' '.join(found[2])}")


def _roman(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


@lru_cache(maxsize=8)
def _abbreviations(code: str) -> re.Pattern[str]:
    words = sorted(rules_for(code).abbreviations, key=len, reverse=True)
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, words))})(?!\w)")
