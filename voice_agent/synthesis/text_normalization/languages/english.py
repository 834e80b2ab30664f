"""English."""

from voice_agent.synthesis.text_normalization.languages import english_units as units
from voice_agent.synthesis.text_normalization.languages import english_words as words
from voice_agent.synthesis.text_normalization.languages.scales import groups
from voice_agent.synthesis.text_normalization.rules import Calendar, Coin, Numbers, Rules, Web

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", " thousand", " million", " billion", " trillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def cardinal(n: int) -> str:
    """A number in words, without "and": 105 is "one hundred five"."""
    if n == 0:
        return "zero"
    return " ".join(_below_1000(group) + _SCALES[power] for group, power in groups(n))


def ordinal(n: int) -> str:
    """`first`, `twenty-second`, …"""
    whole = cardinal(n)
    at = max(whole.rfind(" "), whole.rfind("-")) + 1
    head, last = whole[:at], whole[at:]
    if last in _ORDINALS:
        return head + _ORDINALS[last]
    return head + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(n: int) -> str:
    """`nineteen eighty-four`, `nineteen oh five`, `two thousand five`, `twenty twenty-four`."""
    century, rest = divmod(n, 100)
    if 2000 <= n < 2010 or n % 1000 == 0:
        return cardinal(n)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _below_1000(n: int) -> str:
    hundreds, rest = divmod(n, 100)
    parts = [f"{_UNITS[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, unit = divmod(rest, 10)
        parts.append(_TENS[tens] + (f"-{_UNITS[unit]}" if unit else ""))
    elif rest:
        parts.append(_UNITS[rest])
    return " ".join(parts)


def _date(day: int, month: int, year_: int) -> str:
    said = f"{MONTHS[month - 1]} {ordinal(day)}"
    return f"{said}, {year(year_)}" if year_ else said


def _time(hour: int, minute: int, second: int) -> str:
    if minute == 0 and second < 0:
        return (
            "midnight"
            if hour == 0
            else f"{cardinal(hour)} o'clock"
            if hour <= 12
            else (f"{cardinal(hour)} hundred")
        )
    said = f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    if second > 0:
        said += f" and {cardinal(second)} second{'s' if second != 1 else ''}"
    return said


def _money(whole: int, cents: int, coin: Coin) -> str:
    said = f"{cardinal(whole)} {coin.one if whole == 1 else coin.many}"
    if not cents:
        return said
    small = f"{cardinal(cents)} {coin.cent if cents == 1 else coin.cents}"
    return small if not whole else f"{said} and {small}"


RULES = Rules(
    code="en",
    code_block="code block",
    web=Web(names=words.WEB),
    numbers=Numbers(
        cardinal=cardinal,
        counted=cardinal,
        ordinal=ordinal,
        year=year,
        decimal_mark=".",
        point="point",
        minus="minus",
        to="to",
        over="over",
        percent="percent",
        scales=words.SCALES,
        fractions=words.FRACTIONS,
    ),
    calendar=Calendar(
        months=words.months(MONTHS),
        names=tuple(MONTHS),
        month_first=True,
        date=_date,
        time=_time,
    ),
    coins=units.COINS,
    money=_money,
    units=units.UNITS,
    abbreviations=words.ABBREVIATIONS,
    letters=words.LETTERS,
    symbols=words.SYMBOLS,
    complete=True,
)
