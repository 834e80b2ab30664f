"""What a language has to say: words as data, and the few rules that are not data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ENDS_SENTENCES = frozenset(
    ("etc.", "Inc.", "Ltd.", "Corp.", "Co.", "Jr.", "a.m.", "p.m.", "A.M.", "P.M.", "usw.", "tel.")
)
"""Abbreviations that a sentence may end with; after others it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coin:
    """A currency's words: one and many, and its hundredth's; no hundredth if empty."""

    one: str
    many: str
    cent: str = ""
    cents: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """How numbers are written and said.

    Attributes:
        cardinal: 0 to 10^15 - 1 in words.
        counted: The same in front of a noun (`un euro`, `ein Euro`).
        ordinal: 1st, 2nd, …
        year: 1100 to 2099 as a year.
        decimal_mark: `.` or `,`; the other one groups digits.
        point: The word for the decimal mark.
        minus: The sign.
        to: Between the ends of a range.
        over: Between numerator and denominator.
        percent: After a number.
        scales: Words after an amount that are read before its currency (`million`).
    """

    cardinal: Callable[[int], str]
    counted: Callable[[int], str]
    ordinal: Callable[[int], str]
    year: Callable[[int], str]
    decimal_mark: str
    point: str
    minus: str
    to: str
    over: str
    percent: str
    scales: Mapping[str, str] = field(default_factory=dict[str, str])
    fractions: Mapping[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calendar:
    """Dates and times.

    Attributes:
        months: Names by lower-case name or abbreviation, with the month's number.
        names: The twelve names.
        month_first: `3/4/2024` is in March.
        date: Day, month and year (0 for none) in words.
        time: Hours, minutes and seconds (-1 for none) in words.
    """

    months: Mapping[str, int]
    names: tuple[str, ...]
    month_first: bool
    date: Callable[[int, int, int], str]
    time: Callable[[int, int, int], str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Web:
    """Words for the characters of addresses, by character."""

    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """Everything a language has; what is empty or None is left as it is written.

    Attributes:
        code: ISO 639-1.
        code_block: Said instead of a block of program code.
        web: For addresses.
        numbers: For everything with digits.
        calendar: For dates and times.
        coins: By symbol and by ISO code.
        money: An amount's whole part, its hundredths and the currency, in words.
        units: By abbreviation, in words for one and for many.
        abbreviations: By abbreviation as it is written, full stops included.
        letters: Words in capitals that are read letter by letter.
        symbols: Characters that have a word, with spaces around it added.
        complete: Acronyms, roman numerals and the like are rewritten too.
    """

    code: str
    code_block: str = ""
    web: Web | None = None
    numbers: Numbers | None = None
    calendar: Calendar | None = None
    coins: Mapping[str, Coin] = field(default_factory=dict[str, Coin])
    money: Callable[[int, int, Coin], str] | None = None
    units: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    abbreviations: Mapping[str, str] = field(default_factory=dict[str, str])
    letters: frozenset[str] = frozenset()
    symbols: Mapping[str, str] = field(default_factory=dict[str, str])
    complete: bool = False
