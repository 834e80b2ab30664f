"""Numbers that stand alone: whole, decimal, ordinal, fractions, ranges, years, versions."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from voice_agent.synthesis.text_normalization.amounts import (
    amount_pattern,
    said_amount,
    said_digits,
    too_long,
)
from voice_agent.synthesis.text_normalization.dates import german_ending
from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Numbers, Rules

_VERSION = re.compile(
    r"(?<![\w.,])(?:(?P<v>[vV])(?P<short>\d{1,4}(?:\.\d{1,4}){1,4})"
    r"|(?P<plain>\d{1,4}(?:\.\d{1,4}){2,4}))(?!\w|[.,]\d)"
)
_ORDINALS = {
    "en": re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:st|nd|rd|th)(?!\w)"),
    "de": re.compile(r"(?<![\w.,])(\d{1,3})\.(?=[ ][^\W\d_])"),
    "fr": re.compile(r"(?<![\w.,])(\d{1,4})(?:er|ère|re|e|ème|eme|nd|nde)(?!\w)"),
    "es": re.compile(r"(?<![\w.,])(\d{1,3})\.?[ºª°](?!\w|C)"),
}
_VULGAR = re.compile(r"(\d{1,6}[ \u2009]?)?([½¼¾⅐-⅞])")
_FRACTION = re.compile(r"(?<![\w/.,])(?:(\d{1,4})[ ])?(\d{1,3})[/\u2044](\d{1,3})(?![\w/]|[.,]\d)")
_NUMBER_SIGN = re.compile(r"(?:#|(?<!\w)[Nn]os?\.[ ]?)(?=\d)")
_BY = re.compile(r"(?<![\w.,])(\d{1,5})(?:[ ]?[x×][ ]?(\d{1,5})(?!\w|[.,]\d)|x(?!\w))")
_FEET = re.compile(r"(?<![\w.,])(\d)['’′][ ]?(\d{1,2})(?:[\"”″]|(?!\w))")  # noqa: RUF001
_RATIO = re.compile(r"(?<=\d):(?=\d)")
_EXPONENT = re.compile(r"(?<=[\w)])\^\{?(?=-?\d)")
_POWERS = {"²": "squared", "³": "cubed"}
_POWER = re.compile(r"(?<=[\w)])[²³]")
_DECADE = re.compile(r"(?<![\w.,])['’]?(?P<century>1[1-9]|20)?(?P<tens>[1-9]0)s(?!\w)")
_FIRST_YEAR, _LAST_YEAR = 1100, 2099
_SURE_YEAR = 1900  # before that, a number is a year after a word that says so
_YEAR_WORD = re.compile(
    r"\b(?:in|since|from|by|of|until|till|before|after|around|circa|year|during|im|seit|um|AD)\s+\Z",
    re.IGNORECASE,
)


def versions(text: str, rules: Rules) -> Iterator[Edit]:
    """`v1.2` and, where full stops group no digits, `1.2.3`."""
    if rules.numbers is None:
        return
    for found in _VERSION.finditer(text):
        if found["plain"] and rules.numbers.decimal_mark != ".":
            continue
        parts = (found["short"] or found["plain"]).split(".")
        said = f" {rules.numbers.point} ".join(rules.numbers.cardinal(int(part)) for part in parts)
        yield Edit(*found.span(), ("version " if found["v"] else "") + said)


def ordinals(text: str, rules: Rules) -> Iterator[Edit]:
    """`21st`, `1er`, `3. Stock`."""
    if rules.numbers is None or rules.code not in _ORDINALS:
        return
    for found in _ORDINALS[rules.code].finditer(text):
        said = rules.numbers.ordinal(int(found[1].replace(",", "")))
        if rules.code == "de":
            said += german_ending(text, found.start())
        elif found.group().endswith(("ª", "ère", "re", "nde")):
            said = said.removesuffix("er") + "ère" if rules.code == "fr" else said[:-1] + "a"
        yield Edit(*found.span(), said)


def fractions(text: str, rules: Rules) -> Iterator[Edit]:
    """`½`, `1 1/2`, `2/3`, `24/7`."""
    numbers = rules.numbers
    if numbers is None:
        return
    edits = [_vulgar(found, numbers) for found in _VULGAR.finditer(text)]
    edits += [
        Edit(*found.span(), _fraction(found[1], int(found[2]), int(found[3]), rules, numbers))
        for found in _FRACTION.finditer(text)
    ]
    yield from sorted(edits)


def signs_of_numbers(text: str, rules: Rules) -> Iterator[Edit]:
    """`#5`, `No. 5`, `3x`, `1920x1080`, `x²`."""
    numbers = rules.numbers
    if not rules.complete or numbers is None:
        return
    edits = [Edit(*found.span(), "number ") for found in _NUMBER_SIGN.finditer(text)]
    edits += [Edit(*found.span(), _by(found, numbers)) for found in _BY.finditer(text)]
    edits += [Edit(*f.span(), f" {_POWERS[f.group()]}") for f in _POWER.finditer(text)]
    edits += [Edit(*found.span(), " to the power of ") for found in _EXPONENT.finditer(text)]
    edits += [Edit(*found.span(), " to ") for found in _RATIO.finditer(text)]
    edits += [Edit(*f.span(), f"{f[1]} foot {f[2]}") for f in _FEET.finditer(text)]
    yield from sorted(edits)


def decades(text: str, rules: Rules) -> Iterator[Edit]:
    """`the 1990s`, `the '80s`."""
    if rules.complete and rules.numbers is not None:
        for found in _DECADE.finditer(text):
            yield Edit(*found.span(), _decade(found, rules.numbers))


def plain(text: str, rules: Rules) -> Iterator[Edit]:
    """Everything else that is made of digits: `1,234`, `-3.5`, `5–10`, `2.5M`, `2024`."""
    numbers = rules.numbers
    if numbers is None:
        return
    for found in _plain(rules.code).finditer(text):
        amount, until, scale = found["amount"], found["until"], found["scale"]
        if too_long(amount) or too_long(until or ""):
            continue
        said = _year(amount, found, rules) or said_amount(amount, numbers)
        if until:
            minus = " - " in found["dash"] and "=" in text
            said += f" {numbers.minus if minus else numbers.to} "
            said += _year(until, found, rules) or said_amount(until, numbers)
        if scale:
            said += f" {numbers.scales[scale]}"
        if found["point"] and amount.isdigit():
            said = f"{numbers.point} {said_digits(amount, numbers)}"
        if found["minus"]:
            said = f"{numbers.minus} {said}"
        yield Edit(*found.span(), said)


def _vulgar(found: re.Match[str], numbers: Numbers) -> Edit:
    above, _, below = unicodedata.normalize("NFKC", found[2]).partition("\u2044")
    said = numbers.fractions.get((int(above), int(below or 1)))
    if said is None:
        said = _thirds(int(above), int(below or 1), numbers)
    if found[1]:
        said = f"{numbers.cardinal(int(found[1].strip()))} {_AND.get(numbers.point, '')}{said}"
    return Edit(*found.span(), said)


_CALLED = {(24, 7): "twenty-four seven", (9, 11): "nine eleven"}
_AND = {"point": "and ", "virgule": "et ", "coma": "y "}


def _fraction(whole: str | None, above: int, below: int, rules: Rules, numbers: Numbers) -> str:
    said = numbers.fractions.get((above, below))
    if said is None:
        called = _CALLED.get((above, below)) if rules.complete else None
        said = called or _thirds(above, below, numbers)
    if whole is None:
        return said
    return f"{numbers.cardinal(int(whole))} {_AND.get(numbers.point, '')}{said}"


def _thirds(above: int, below: int, numbers: Numbers) -> str:
    if numbers.point == "point" and 0 < above < below <= 20 and below > 2:
        return f"{numbers.cardinal(above)} {numbers.ordinal(below)}{'s' if above > 1 else ''}"
    return f"{numbers.cardinal(above)} {numbers.over} {numbers.cardinal(below)}"


def _by(found: re.Match[str], numbers: Numbers) -> str:
    first = numbers.cardinal(int(found[1]))
    return f"{first} by {numbers.cardinal(int(found[2]))}" if found[2] else f"{first} times"


def _decade(found: re.Match[str], numbers: Numbers) -> str:
    tens = numbers.cardinal(int(found["tens"]))
    tens = tens[:-1] + "ies" if tens.endswith("y") else tens + "s"
    return f"{numbers.cardinal(int(found['century']))} {tens}" if found["century"] else tens


def _year(amount: str, found: re.Match[str], rules: Rules) -> str | None:
    """A number of four digits as a year, if it is likely one."""
    if rules.numbers is None or len(amount) != 4 or found["minus"] or found["scale"]:
        return None
    n = int(amount) if amount.isdigit() else 0
    if not _FIRST_YEAR <= n <= _LAST_YEAR:
        return None
    if n < _SURE_YEAR and not _YEAR_WORD.search(
        found.string[max(0, found.start() - 10) : found.start()]
    ):
        return None
    return rules.numbers.year(n)


@lru_cache(maxsize=8)
def _plain(code: str) -> re.Pattern[str]:
    numbers = rules_for(code).numbers
    if numbers is None:
        return re.compile(r"(?!)")
    amount = amount_pattern(numbers, code=code)
    scales = sorted((word for word in numbers.scales if len(word) <= 2), key=len, reverse=True)
    scale = "|".join(map(re.escape, scales)) or "(?!)"
    return re.compile(
        rf"(?:(?P<minus>(?<![\w)])[-−])|(?<!\w)(?P<point>\.))?(?<![\w,])(?<!\d[.,])"
        rf"(?P<amount>{amount})(?:(?P<dash>[ ]?[-–—][ ]?)(?P<until>{amount})(?![-–\w]))?"
        rf"(?:(?P<scale>{scale})(?!\w))?(?!\w)"
    )
