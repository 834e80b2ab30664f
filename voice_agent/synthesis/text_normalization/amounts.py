"""How numbers are written in a language, and how one is read."""

import re
from functools import lru_cache

from voice_agent.synthesis.text_normalization.languages.scales import LIMIT
from voice_agent.synthesis.text_normalization.rules import Numbers

_LONGEST_DIGITS = 60  # read one by one; a longer row of digits stays as it is

_POINT = (
    r"(?:\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,2}(?:,\d\d){1,5},\d{3}(?!\d)|\d{1,60})(?:\.\d{1,30})?"
)
_COMMA = r"(?:\d{1,3}(?:[.\u00a0\u202f'’]\d{3}){1,6}(?!\d)|\d{1,60})(?:[,.]\d{1,30})?"
_SPACE = r"(?:\d{1,3}(?:[.\u00a0\u202f ]\d{3}){1,6}(?!\d)|\d{1,60})(?:[,.]\d{1,30})?"  # French


def amount_pattern(numbers: Numbers, *, code: str = "") -> str:
    """A regular expression, without groups, for an unsigned number as it is written."""
    if numbers.decimal_mark == ".":
        return _POINT
    return _SPACE if code == "fr" else _COMMA


@lru_cache(maxsize=8)
def _groups(decimal_mark: str) -> re.Pattern[str]:
    marks = ",'’" if decimal_mark == "." else ".'’"
    return re.compile(rf"[{marks}\s](?=\d{{3}}(?!\d)|\d\d,)")


def split_amount(written: str, numbers: Numbers) -> tuple[str, str]:
    """The digits before and after the decimal mark of what `amount_pattern` found."""
    plain = _groups(numbers.decimal_mark).sub("", written)
    whole, _, part = plain.replace(",", ".").partition(".")
    return whole, part


@lru_cache(maxsize=2048)
def said_amount(written: str, numbers: Numbers) -> str:
    """A number in words: `1,234.5` is "one thousand two hundred thirty-four point five"."""
    whole, part = split_amount(written, numbers)
    said = said_digits(whole, numbers) if _is_code(whole) else numbers.cardinal(int(whole))
    if part:
        said += f" {numbers.point} {said_digits(part, numbers)}"
    return said


def said_digits(digits: str, numbers: Numbers) -> str:
    """Digit by digit."""
    return " ".join(numbers.cardinal(int(digit)) for digit in digits)


def counted_amount(written: str, numbers: Numbers) -> str:
    """The same in front of a noun."""
    whole, part = split_amount(written, numbers)
    if part or _is_code(whole):
        return said_amount(written, numbers)
    return numbers.counted(int(whole))


def is_one(written: str, numbers: Numbers) -> bool:
    """Whether what is counted is in the singular."""
    return split_amount(written, numbers) == ("1", "")


def too_long(written: str) -> bool:
    """Nobody follows such a row of digits."""
    return len(written) >= _LONGEST_DIGITS


def _is_code(whole: str) -> bool:
    """Read digit by digit: a leading zero counts, or it is beyond the words we have."""
    return (len(whole) > 1 and whole[0] == "0") or len(whole) >= len(str(LIMIT))
