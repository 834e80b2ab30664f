"""Answers without a language model: enough to try a conversation, and it says so."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime

_NUMBERS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NO_MODEL = "No language model is connected"
# longer than anybody listens to
_MAX_COUNT = 30
_MAX_SPELLED = 30
_MAX_DIGITS = 9

Now = Callable[[], datetime]


def respond(text: str, now: Now) -> str:
    """One spoken answer: never empty, whatever was said, and a whole sentence.

    Args:
        text: What the caller said.
        now: The time, where the caller is taken to be.
    """
    said = " ".join(re.sub(r"[^\w\s']", " ", text.lower()).split())
    for pattern, answer in _RULES:
        match = re.search(pattern, said)
        reply = answer(match, now) if match else ""
        if reply:
            return reply
    heard = re.sub(r"[\s.,;:!?…-]+$", "", text.strip())
    if not re.search(r"\w", heard):
        return f"I heard no words. {_NO_MODEL}, so please say it in another way."
    return f"You said: {heard}. {_NO_MODEL}, so I can only repeat it."


def number(words: str) -> int | None:
    """The number that digits, or words up to ninety-nine, name; None if they name none."""
    words = words.strip().replace("-", " ")
    if re.fullmatch(rf"[0-9]{{1,{_MAX_DIGITS}}}", words):
        return int(words)
    match words.split():
        case [word] if word in _NUMBERS:
            return _NUMBERS.index(word)
        case [tens] if tens in _TENS:
            return 10 * _TENS.index(tens)
        case [tens, ones] if tens in _TENS and ones in _NUMBERS[1:10]:
            return 10 * _TENS.index(tens) + _NUMBERS.index(ones)
        case _:
            return None


def in_words(value: int) -> str:
    """A number as it is spoken; digits beyond ninety-nine."""
    if value < 0:
        return f"minus {in_words(-value)}"
    if value >= 100:
        return str(value)
    if value < 20:
        return _NUMBERS[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens] + (f"-{_NUMBERS[ones]}" if ones else "")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _greet(_match: re.Match[str], _now: Now) -> str:
    return f"Hello. {_NO_MODEL}, but I can tell the time, count, add and spell."


def _help(_match: re.Match[str], _now: Now) -> str:
    return (
        f"{_NO_MODEL}, so I follow simple rules. Ask me for the time or the date, "
        "or tell me to count to ten, to add two numbers, to spell a word, "
        "or to repeat something."
    )


def _time(_match: re.Match[str], now: Now) -> str:
    return f"It is {now():%H:%M}."


def _date(_match: re.Match[str], now: Now) -> str:
    return f"Today is {now():%A, %B} {now().day}, {now().year}."


def _count(match: re.Match[str], _now: Now) -> str:
    last = _longest_number(match[1])
    if last is None:
        return ""
    if last == 0:
        return "Zero. That was quick."
    if last > _MAX_COUNT:
        return f"That is a long way. I count to {in_words(_MAX_COUNT)} at most."
    return _sentence(", ".join(in_words(n) for n in range(1, last + 1)))


def _add(match: re.Match[str], _now: Now) -> str:
    first, second = _longest_number(match[1], last=True), _longest_number(match[3])
    if first is None or second is None:
        return ""
    minus = match[2] in ("minus", "less")
    total = first - second if minus else first + second
    sign = "minus" if minus else "plus"
    return _sentence(f"{in_words(first)} {sign} {in_words(second)} is {in_words(total)}")


def _spell(match: re.Match[str], _now: Now) -> str:
    word = match[1]
    if len(word) > _MAX_SPELLED:
        return f"That is too long a word. I spell up to {in_words(_MAX_SPELLED)} letters."
    return _sentence(f"{word} is spelled {', '.join(word.upper())}")


def _repeat(match: re.Match[str], _now: Now) -> str:
    return _sentence(match[1])


def _thanks(_match: re.Match[str], _now: Now) -> str:
    return "You are welcome."


def _bye(_match: re.Match[str], _now: Now) -> str:
    return "Goodbye."


def _longest_number(words: str, *, last: bool = False) -> int | None:
    """The number at the beginning, or the end, of some words: two words are tried first."""
    for some in _ends(words.split(), last=last):
        value = number(some)
        if value is not None:
            return value
    return None


def _ends(words: list[str], *, last: bool) -> Iterator[str]:
    for count in (2, 1):
        yield " ".join(words[-count:] if last else words[:count])


# numbers are one or two words; which of them belong to it is found out afterwards
_AFTER = r"(\w+(?: \w+)?)"
_BEFORE = r"((?:\w+ )?\w+)"
_RULES: tuple[tuple[str, Callable[[re.Match[str], Now], str]], ...] = (
    (r"\b(?:repeat after me|repeat|please say|^say) (\w.*)", _repeat),
    (r"\bspell (?:the word )?(\w+)", _spell),
    (rf"\bcount (?:up )?(?:from one )?to {_AFTER}", _count),
    (rf"\b{_BEFORE} (plus|minus|less) {_AFTER}", _add),
    (rf"\badd {_BEFORE} (and|to|plus) {_AFTER}", _add),
    (r"\b(?:what|which|tell|give|know)\b.*\b(?:date|day)\b", _date),
    (r"\bwhat(?:'s| is)? (?:the )?date\b|\btoday's date\b", _date),
    (r"\b(?:what|tell|give|know|have)\b.*\btime\b|\bwhat's the time\b|^(?:the )?time$", _time),
    (r"\b(?:help|what can you do|what do you do|who are you)\b", _help),
    (r"^(?:hello|hi|hey)\b|\b(?:hello|good (?:morning|evening|afternoon))\b", _greet),
    (r"\bthank", _thanks),
    (r"\b(?:goodbye|good bye|bye|good night)\b", _bye),
)
