"""Amounts of money."""

import re
from collections.abc import Iterator
from functools import lru_cache

from voice_agent.synthesis.text_normalization.amounts import (
    amount_pattern,
    counted_amount,
    said_amount,
    split_amount,
    too_long,
)
from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.languages.scales import LIMIT
from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Coin, Numbers, Rules


def money(text: str, rules: Rules) -> Iterator[Edit]:
    """`$5.30`, `-€3`, `5,30 €`, `$2.5 million`, `$5–10`, `20 USD`."""
    if rules.money is None or rules.numbers is None:
        return
    for found in _pattern(rules.code).finditer(text):
        if edit := _edit(found, rules, rules.numbers):
            yield edit


def _edit(found: re.Match[str], rules: Rules, numbers: Numbers) -> Edit | None:
    which = 1 if found["sign1"] else 2
    coin = rules.coins[found[f"sign{which}"]]
    amount, until, scale = (found[f"{name}{which}"] for name in ("amount", "until", "scale"))
    if too_long(amount) or too_long(until or ""):
        return None
    said = _said(until or amount, scale, coin, rules, numbers)
    if said is None:
        return None
    if until:
        said = f"{counted_amount(amount, numbers)} {numbers.to} {said}"
    if found[f"minus{which}"]:
        said = f"{numbers.minus} {said}"
    return Edit(*found.span(), said)


def _said(amount: str, scale: str | None, coin: Coin, rules: Rules, numbers: Numbers) -> str | None:
    whole, part = split_amount(amount, numbers)
    if int(whole) >= LIMIT or rules.money is None:
        return None
    if scale:
        said = f"{said_amount(amount, numbers)} {numbers.scales[scale]} {coin.many}"
        return said.replace(" de euros", " d’euros") if rules.code == "fr" else said
    if not part or not int(part):
        return rules.money(int(whole), 0, coin)
    if coin.cent and len(part) <= 2:
        return rules.money(int(whole), int(part.ljust(2, "0")), coin)
    return f"{said_amount(amount, numbers)} {coin.many}"


@lru_cache(maxsize=8)
def _pattern(code: str) -> re.Pattern[str]:
    rules = rules_for(code)
    if rules.numbers is None:
        return re.compile(r"(?!)")
    amount = amount_pattern(rules.numbers, code=code)
    signs = "|".join(re.escape(sign) for sign in sorted(rules.coins, key=len, reverse=True))
    words = sorted(rules.numbers.scales, key=len, reverse=True)
    scale = rf"(?:[ \u00a0]?(?P<scale%d>{'|'.join(map(re.escape, words))})(?!\w))?" if words else ""
    minus = r"(?P<minus%d>(?<!\w)[-−])?"
    before = (
        rf"{minus % 1}(?<![\w.,])(?P<sign1>{signs})[ \u00a0]?(?P<amount1>{amount})"
        rf"(?:[ ]?[-–][ ]?(?:{signs})?(?P<until1>{amount}))?{scale % 1}(?!\w)"
    )
    after = (
        rf"{minus % 2}(?<![\w.,])(?P<amount2>{amount})(?:,[-–])?"
        rf"(?:[ ]?[-–][ ]?(?P<until2>{amount}))?"
        rf"{scale % 2}[ \u00a0\u202f]?(?P<sign2>{signs})(?![\w])"
    )
    return re.compile(f"{before}|{after}")
