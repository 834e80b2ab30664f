"""Dates and times of day."""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Calendar, Rules

_ISO = re.compile(
    r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d{1,9})?)?"
    r"(?:Z|[+-]\d\d:?\d\d)?)?(?![\w]|-\d)"
)
_NUMERIC = re.compile(
    r"(?<![\w/.,-])(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)"
    r"(?P<year>\d{4}|\d\d)(?![\w/]|[.,-]\d)"
)
_TIME = re.compile(
    r"(?<![\w:.,])(?P<hour>\d{1,2})(?P<mark>[:.])(?P<minute>\d\d)(?::(?P<second>\d\d))?"
    r"(?P<half>[ \u00a0]?[AaPp]\.?[Mm]\b\.?)?(?P<word>[ \u00a0](?:Uhr|h|hs|hrs|heures)\b)?(?![\w:])"
)
_HOUR = re.compile(r"(?<![\w:.,])(?P<hour>\d{1,2})[ \u00a0]?(?P<half>[AaPp]\.?[Mm]\b\.?)(?!\w)")
_FRENCH = re.compile(
    r"(?<![\w:.,])(?P<hour>\d{1,2})[ \u00a0]?h(?:[ \u00a0]?(?P<minute>\d\d))?(?!\w)"
)
_GERMAN = re.compile(
    r"(?<![\w:.,])(?P<hour>\d{1,2})[ \u00a0]Uhr(?:[ \u00a0](?P<minute>\d\d))?(?!\w)"
)
_SPAN = re.compile(
    r"(?:(?<=:\d\d)|(?<=[AaPp][Mm])|(?<=[AaPp]\.[Mm]\.))[ ]?[-–][ ]?"
    r"(?=\d{1,2}(?::\d\d|[ ]?[AaPp]\.?[Mm]\b))"
    r"|(?<=\d)(?<!\d\d\d)[-–](?=\d{1,2}[ ]?[AaPp]\.?[Mm]\b)"
)
_SHORT_MONTH = re.compile(r"(?<!\w)([A-Z][a-z]{2,3})\.?(?=[ ]\d{4}(?!\w))")
_AFTER = re.compile(r"\s*(?:\Z|(?=\s[A-Z]))")
# after these words German dates and ordinals end in -n
_DATIVE = re.compile(r"\b(?:am|vom|zum|beim|im|dem|den|des|seit|ab|bis|nach|vor)\s+\Z", re.I)


def dates(text: str, rules: Rules) -> Iterator[Edit]:
    """`2024-01-15`, `1/15/2024`, `Jan. 5, 2024`, `5. Mai`, `3 de mayo de 2024`, …"""
    calendar = rules.calendar
    if calendar is None:
        return
    edits = [
        *(_iso(found, calendar) for found in _ISO.finditer(text)),
        *(_numeric(found, rules) for found in _NUMERIC.finditer(text)),
        *(_named(found, rules) for found in _names(rules.code).finditer(text)),
    ]
    yield from sorted(edit for edit in edits if edit is not None)


def short_months(text: str, rules: Rules) -> Iterator[Edit]:
    """`Jan 2024`, `Sept. 2024`."""
    calendar = rules.calendar
    if rules.complete and calendar is not None:
        for found in _SHORT_MONTH.finditer(text):
            if month := calendar.months.get(found[1].lower()):
                yield Edit(*found.span(), calendar.names[month - 1])


def spans_of_time(text: str, rules: Rules) -> Iterator[Edit]:
    """The dash in `9:00–17:00` and `9-5 pm`."""
    if rules.numbers is not None:
        for found in _SPAN.finditer(text):
            yield Edit(*found.span(), f" {rules.numbers.to} ")


def times(text: str, rules: Rules) -> Iterator[Edit]:
    """`5:30 pm`, `17:05`, `5 a.m.`, `17h05`, `8 Uhr 15`."""
    calendar = rules.calendar
    if calendar is None:
        return
    found = list(_TIME.finditer(text))
    found += {"en": _HOUR, "fr": _FRENCH, "de": _GERMAN}.get(rules.code, _HOUR).finditer(text)
    for match in sorted(found, key=re.Match[str].start):
        if edit := _time(match, calendar):
            yield edit


def german_ending(text: str, at: int) -> str:
    """What an ordinal at this place ends in, after its final e."""
    return "n" if _DATIVE.search(text, max(0, at - 12), at) else ""


def _iso(found: re.Match[str], calendar: Calendar) -> Edit | None:
    said = _said(int(found["day"]), int(found["month"]), int(found["year"]), calendar)
    if said is None:
        return None
    if found["hour"]:
        hour, minute = int(found["hour"]), int(found["minute"])
        if hour > 23 or minute > 59:
            return None
        said += ", " + calendar.time(hour, minute, int(found["second"] or -1))
    return Edit(*found.span(), said)


def _numeric(found: re.Match[str], rules: Rules) -> Edit | None:
    calendar = rules.calendar
    if calendar is None:
        return None
    short = len(found["year"]) == 2
    if short and (found["mark"] != "/" if calendar.month_first else found["mark"] == "-"):
        return None  # a version, or a score
    first, second, year = int(found["first"]), int(found["second"]), int(found["year"])
    if short:
        year += 2000 if year < 70 else 1900
    month_first = calendar.month_first and found["mark"] != "."
    day, month = (second, first) if month_first else (first, second)
    if month > 12:
        day, month = month, day
    said = _said(day, month, year, calendar)
    if said is not None and rules.code == "de":
        said = _german(said, found.string, found.start())
    return None if said is None else Edit(*found.span(), said)


def _named(found: re.Match[str], rules: Rules) -> Edit | None:
    calendar = rules.calendar
    if calendar is None:
        return None
    name = found["before"] or found["after"]
    # "may 5" and "mai 5": in these languages months have a capital
    if rules.code in ("en", "de") and not name[0].isupper():
        return None
    day = int(found["day"] or found["day2"])
    year = int(found["year"] or found["year2"] or 0)
    said = _said(day, calendar.months[name.lower()], year, calendar)
    if said is not None and rules.code == "de":
        said = _german(said, found.string, found.start())
    if said is not None and rules.code == "en" and found["of"]:
        name, _, rest = said.partition(" ")
        ordinal, comma, rest = rest.partition(",")
        said = f"{ordinal} of {name}{comma}{rest}"
    return None if said is None else Edit(*found.span(), said)


def _german(said: str, text: str, at: int) -> str:
    ordinal, space, rest = said.partition(" ")
    return ordinal + german_ending(text, at) + space + rest


def _said(day: int, month: int, year: int, calendar: Calendar) -> str | None:
    try:
        date(year or 2000, month, day)
    except ValueError:
        return None
    return calendar.date(day, month, year)


def _time(found: re.Match[str], calendar: Calendar) -> Edit | None:
    parts = found.groupdict()
    hour, minute = int(parts["hour"]), int(parts.get("minute") or 0)
    half, word = parts.get("half"), parts.get("word")
    if hour > 24 or minute > 59 or (half and not 0 < hour < 13):
        return None
    # "5.30" is a number unless a word says that it is a time
    if parts.get("mark") == "." and not half and not word:
        return None
    said = calendar.time(hour, minute, int(parts.get("second") or -1))
    if half:
        said = f"{said.removesuffix(' o' + chr(39) + 'clock')} {half.strip()[0].upper()} M"
        if half.endswith(".") and _AFTER.match(found.string, found.end()):
            said += "."
    return Edit(*found.span(), said)


@lru_cache(maxsize=8)
def _names(code: str) -> re.Pattern[str]:
    calendar = rules_for(code).calendar
    months = sorted(calendar.months if calendar else ("-",), key=len, reverse=True)
    name = "|".join(re.escape(month) for month in months)
    return re.compile(
        rf"(?<![\w.,/-])(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?[ \u00a0]{{1,2}}"
        rf"(?P<of>of[ ]|de[ ])?(?P<after>(?:{name}))(?!\w)"
        rf"(?:,?[ ](?:de[ ]|del[ ])?(?P<year>\d{{4}})(?![\w]|[.,]\d))?"
        rf"|(?P<before>(?:{name}))[ ](?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:]|[.,/-]\d)"
        rf"(?:,?[ ](?P<year2>\d{{4}})(?![\w]|[.,]\d))?)",
        re.IGNORECASE,
    )
