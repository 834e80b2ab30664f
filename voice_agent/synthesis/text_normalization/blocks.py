"""Markdown that stands at the beginning of a line: headings, lists, quotes, tables, rules."""

import re
from collections.abc import Iterator

from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules

BLOCK_START = re.compile(
    r"[ \t]{0,12}(?:>|\#{1,6}[ \t]|[-*+•‣◦–][ \t]|\d{1,3}[.)][ \t]|\||```|~~~|(?:[-*_=][ \t]?){3})"
)
"""A line that does not continue the one before it."""

_LINE_OF_SIGNS = re.compile(r"\s*(?:[-*_=]\s?){3,}\s*\Z")
_TABLE_RULE = re.compile(r"\s*\|?[\s:|-]{3,}\|?\s*\Z")
_QUOTE = re.compile(r"[ \t]*(?:>[ \t]?(?![\d$€£=])){1,12}")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+")
_HEADING_END = re.compile(r"[ \t]+#{1,6}(?=[ \t]*\n?\Z)")
_BULLET = re.compile(r"[ \t]*[-*+•‣◦–][ \t]+(?:\[[ xX]\][ \t]+)?")
_NUMBER = re.compile(r"[ \t]*(\d{1,3})([.)])[ \t]+")
_CELL = re.compile(r"[ \t]*(?:\|[ \t]*)+")
_ENDED = re.compile(r"[.,;:!?…。！？][\"'”’»)\]*_~`]*\s*\Z")  # noqa: RUF001


def blocks(text: str, rules: Rules) -> Iterator[Edit]:
    """What a line's beginning says about it is left out; a pause takes its place.

    Args:
        text: Begins where a line begins.
        rules: Of the language.
    """
    if not text or text[0] not in " \t>#-*+•‣◦–|_=0123456789":
        return
    if _LINE_OF_SIGNS.match(text) or ("|" in text and _TABLE_RULE.match(text)):
        yield Edit(0, len(text), "")
        return
    at = 0
    if quote := _QUOTE.match(text):
        at = quote.end()
        yield Edit(0, at, "")
    if text.startswith("|", at) or text[at:].lstrip(" \t").startswith("|"):
        yield from _row(text, at)
    elif heading := _HEADING.match(text, at):
        yield Edit(at, heading.end(), "")
        yield from _end(text, _HEADING_END.search(text, heading.end()))
    elif bullet := _BULLET.match(text, at):
        yield Edit(at, bullet.end(), "")
        yield from _end(text)
    elif (number := _NUMBER.match(text, at)) and not _is_date(text[number.end() :], rules):
        yield Edit(number.start(2), number.end(2), ",")
        yield from _end(text)


def _is_date(text: str, rules: Rules) -> bool:
    """Whether a month follows: `3. Mai` begins no list."""
    word = re.split(r"[\s,]", text, maxsplit=1)[0]
    return rules.calendar is not None and word.lower() in rules.calendar.months


def _row(text: str, at: int) -> Iterator[Edit]:
    cells = list(_CELL.finditer(text, at))
    for cell in cells:
        first = cell.start() == at
        last = not text[cell.end() :].strip()
        yield Edit(cell.start(), cell.end(), "" if first else "." if last else ", ")


def _end(text: str, left_out: re.Match[str] | None = None) -> Iterator[Edit]:
    """A full stop at the end of a line that has none, so that a pause is heard."""
    if left_out is not None:
        yield Edit(left_out.start(), left_out.end(), ".")
        return
    # a piece that was cut inside its line goes on with the next one
    end = len(text.rstrip())
    if text.endswith("\n") and end and not _ENDED.search(text[max(0, end - 12) : end]):
        yield Edit(end, end, ".")
