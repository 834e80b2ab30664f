"""Numbers with a unit or a percent sign."""

import re
from collections.abc import Iterator
from functools import lru_cache

from voice_agent.synthesis.text_normalization.amounts import (
    amount_pattern,
    counted_amount,
    is_one,
    said_amount,
    too_long,
)
from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules

_PER = re.compile(
    r"(?<=\w)[ ]?/[ ]?"
    r"(?:(?=(?:second|minute|hour|day|night|week|month|year|person|user|seat)\b)"
    r"|(?P<short>sec|min|hr|h|mo|yr|ml|mL|l|L|kg)\b(?<![a-z]{4}))"
)
_PERIODS = {"mo": "month", "yr": "year"}


def quantities(text: str, rules: Rules) -> Iterator[Edit]:
    """`5 kg`, `-5°C`, `10–20 km/h`, `12.5%`."""
    numbers = rules.numbers
    if numbers is None:
        return
    for found in _pattern(rules.code).finditer(text):
        amount, until, unit = found["amount"], found["until"], found["unit"]
        if too_long(amount) or too_long(until or ""):
            continue
        last = until or amount
        if unit in ("%", "\uff05"):
            said = f"{said_amount(last, numbers)} {numbers.percent}"
        else:
            one, many = rules.units[unit]
            said = f"{counted_amount(last, numbers)} {one if is_one(last, numbers) else many}"
        if until:
            said = f"{said_amount(amount, numbers)} {numbers.to} {said}"
        if found["minus"]:
            said = f"{numbers.minus} {said}"
        yield Edit(*found.span(), said)


def rates(text: str, rules: Rules) -> Iterator[Edit]:
    """The stroke in `five dollars/month`."""
    if rules.complete and "/" in text:
        for found in _PER.finditer(text):
            short = found["short"] or ""
            unit = _PERIODS.get(short) or rules.units.get(short, ("", ""))[0]
            yield Edit(*found.span(), f" per {unit}")


@lru_cache(maxsize=8)
def _pattern(code: str) -> re.Pattern[str]:
    rules = rules_for(code)
    if rules.numbers is None:
        return re.compile(r"(?!)")
    amount = amount_pattern(rules.numbers, code=code)
    # a single capital after a space is rather a word or a name ("5 A")
    apart = [unit for unit in rules.units if not (len(unit) == 1 and unit.isupper())]
    close = [unit for unit in rules.units if unit not in apart]
    units = "|".join(re.escape(unit) for unit in sorted(apart, key=len, reverse=True))
    tight = "|".join(map(re.escape, close)) or "(?!)"
    return re.compile(
        rf"(?P<minus>(?<!\w)[-−])?(?<![\w.,])(?P<amount>{amount})"
        rf"(?:[°%]?[ ]?[-–][ ]?(?P<until>{amount}))?"
        rf"(?:[ \u00a0\u202f]?(?=(?:{units}|[%\uff05])(?![\w²³]))|(?=(?:{tight})(?![\w²³])))"
        rf"(?P<unit>{units}|{tight}|[%\uff05])(?![\w²³])"
    )
