"""What is done to a piece of text, in which order."""

import re
from collections.abc import Callable, Iterator

from voice_agent.engines.clauses import is_speakable
from voice_agent.synthesis.text_normalization import (
    blocks,
    contacts,
    dates,
    emoji,
    markup,
    money,
    numbers,
    phones,
    quantities,
    symbols,
    tidy,
    words,
)
from voice_agent.synthesis.text_normalization.normalized_text import (
    Budget,
    Edit,
    NormalizedText,
    edited,
)
from voice_agent.synthesis.text_normalization.rules import Rules

Pass = Callable[[str, Rules], Iterator[Edit]]

# Addresses before emphasis, which would take their underscores; dates before telephone
# numbers before money before plain numbers: each leaves only words to the next.
_MARKUP: tuple[Pass, ...] = (
    markup.structure,
    contacts.addresses,
    contacts.numbers_of_hosts,
    markup.emphasis,
    emoji.emoji,
    emoji.smileys,
    tidy.stops,
)
_WITH_DIGITS: tuple[Pass, ...] = (
    dates.dates,
    dates.short_months,
    dates.spans_of_time,
    dates.times,
    phones.phones,
    numbers.decades,
    numbers.versions,
    money.money,
    quantities.quantities,
)
_WORDS: tuple[Pass, ...] = (
    quantities.rates,
    words.abbreviations,
    words.saints_and_streets,
    words.acronyms,
    words.romans,
)
_NUMBERS: tuple[Pass, ...] = (
    numbers.ordinals,
    numbers.signs_of_numbers,
    numbers.fractions,
    numbers.plain,
)
_DIGIT = re.compile(r"[\d²³½¼¾⅐-⅞]")


def rewritten(
    piece: NormalizedText, rules: Rules, budget: Budget, *, line_start: bool
) -> NormalizedText:
    """A piece of a text as it is spoken.

    Args:
        piece: As it is written; no address or number goes on beyond its ends.
        rules: Of its language.
        budget: Of the whole text.
        line_start: The piece begins where a line begins.

    Returns:
        Empty if nothing in it can be spoken.
    """
    if not is_speakable(piece.text):
        return NormalizedText("", [piece.end])
    piece = edited(piece, tidy.raw(piece.text, rules), budget)
    if line_start:
        piece = edited(piece, blocks.blocks(piece.text, rules), budget)
    piece = _through(_MARKUP, piece, rules, budget)
    # a piece of signs only is not read out sign by sign
    if is_speakable(piece.text):
        if rules.numbers is not None:
            digits = _DIGIT.search(piece.text) is not None
            piece = _through(_WITH_DIGITS, piece, rules, budget) if digits else piece
            piece = _through(_WORDS, piece, rules, budget)
            piece = _through(_NUMBERS, piece, rules, budget) if digits else piece
            piece = edited(piece, symbols.symbols(piece.text, rules), budget)
        piece = edited(piece, tidy.spaces(piece.text, rules), budget)
    return piece if is_speakable(piece.text) else NormalizedText("", [piece.end])


def _through(
    passes: tuple[Pass, ...], piece: NormalizedText, rules: Rules, budget: Budget
) -> NormalizedText:
    for one in passes:
        piece = edited(piece, one(piece.text, rules), budget)
    return piece
