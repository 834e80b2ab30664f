"""Answers without a language model: enough to try a conversation, and it says so."""

import re
from collections.abc import Callable
from datetime import datetime

_NUMBERS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NO_MODEL = "No language model is connected"
_MAX_COUNT = 30

Now = Callable[[], datetime]


def respond(text: str, now: Now) -> str:
    """One spoken answer.

    Args:
        text: What the caller said; never empty.
        now: The time, where the caller is taken to be.
    """
    said = re.sub(r"[^\w\s']", " ", text.lower())
    for pattern, answer in _RULES:
        match = re.search(pattern, said)
        if match is not None:
            reply = answer(match, now)
            if reply:
                return reply
    return f"You said: {text.strip().rstrip('.')}. {_NO_MODEL}, so I can only repeat it."


def number(words: str) -> int | None:
    """The number that digits or words up to ninety-nine name, or None."""
    words = words.strip().replace("-", " ")
    if words.isdigit():
        return int(words)
    total, known = 0, False
    for word in words.split():
        if word in _NUMBERS:
            total += _NUMBERS.index(word)
        elif word in _TENS:
            total += _TENS.index(word) * 10
        else:
            return None
        known = True
    return total if known else None


def in_words(value: int) -> str:
    """A number as it is spoken; digits beyond ninety-nine."""
    if not 0 <= value < 100:
        return str(value)
    if value <= 20:
        return _NUMBERS[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens] + (f" {_NUMBERS[ones]}" if ones else "")


def _greet(_match: re.Match[str], _now: Now) -> str:
    return f"Hello. {_NO_MODEL}, but I can tell the time, count, add and spell."


def _help(_match: re.Match[str], _now: Now) -> str:
    return (
        f"{_NO_MODEL}, so I follow simple rules. Ask me for the time or the date, "
        "tell me to count to ten, to add two numbers, to spell a word, or to repeat something."
    )


def _time(_match: re.Match[str], now: Now) -> str:
    return f"It is {now():%H:%M}."


def _date(_match: re.Match[str], now: Now) -> str:
    return f"Today is {now():%A, %B} {now().day}, {now().year}."


def _count(match: re.Match[str], _now: Now) -> str:
    last = number(match[1])
    if last is None:
        return ""
    if last > _MAX_COUNT:
        return f"That is a long way. I count to {in_words(_MAX_COUNT)} at most."
    return ", ".join(in_words(n) for n in range(1, last + 1)) + "."


def _add(match: re.Match[str], _now: Now) -> str:
    first, second = number(match[1]), number(match[3])
    if first is None or second is None:
        return ""
    adding = match[2] in ("plus", "and")
    total = first + second if adding else first - second
    sign = "plus" if adding else "minus"
    spoken = in_words(total) if total >= 0 else f"minus {in_words(-total)}"
    return f"{in_words(first)} {sign} {in_words(second)} is {spoken}.".capitalize()


def _spell(match: re.Match[str], _now: Now) -> str:
    word = match[1]
    return f"{word.capitalize()} is spelled {', '.join(word.upper())}."


def _repeat(match: re.Match[str], _now: Now) -> str:
    return f"{match[1].strip()}.".capitalize()


def _thanks(_match: re.Match[str], _now: Now) -> str:
    return "You are welcome."


def _bye(_match: re.Match[str], _now: Now) -> str:
    return "Goodbye."


_NUMBER = r"((?:\d+|[a-z]+(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?))"
_RULES: tuple[tuple[str, Callable[[re.Match[str], Now], str]], ...] = (
    (r"\b(?:repeat after me|repeat|say)\s+(\S.*)", _repeat),
    (r"\bspell\s+(?:the word\s+)?(\w+)", _spell),
    (rf"\bcount (?:up )?(?:from one )?to {_NUMBER}", _count),
    (rf"\b{_NUMBER} (plus|minus) {_NUMBER}", _add),
    (rf"\badd {_NUMBER} (and) {_NUMBER}", _add),
    (r"\b(?:what|which|tell).*\b(?:date|day)\b", _date),
    (r"\btime\b", _time),
    (r"\b(?:help|what can you do|who are you)\b", _help),
    (r"\b(?:hello|hi|hey|good (?:morning|day|evening|afternoon))\b", _greet),
    (r"\bthank", _thanks),
    (r"\b(?:goodbye|good bye|bye)\b", _bye),
)
