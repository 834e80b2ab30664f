"""Markup inside a line: HTML, links and images, emphasis, inline code."""

import html
import re
from collections.abc import Iterator

from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules

# Every alternative is bounded, so that no text makes the search slow.
_STRUCTURE = re.compile(
    r"""
    (?P<entity> &(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31}\d{0,2}); )
  | (?P<comment> <!--(?:(?!-->).){0,1000}--> )
  | <(?P<autolink> (?:https?://|mailto:)[^<>\s]{1,1000})>
  | (?P<tag> </?[A-Za-z][^<>]{0,1000}> )
  | (?P<footnote> \[\^[\w-]{1,30}\]:? )
  | (?P<opening> !?\[(?=[^\[\]]{0,300}\][(\[]|!\[) )
  | (?P<target> \]\([ ]?(?:[^()\s]|\([^()\s]{0,200}\)){0,1500}
                (?:\s{1,3}["'][^"']{0,300}["'])?[ ]?\) )
  | (?P<math> \$\$ )
  | (?P<reference> \]\[[^\[\]]{0,100}\] )
  | \\(?P<escaped> [\\`*_{}\[\]()\#+.!|<>~$-] )
    """,
    re.VERBOSE | re.DOTALL,
)
_BREAKS = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|h[1-6]|hr|table|section|article)\b", re.I)
_EMPHASIS = re.compile(r"\*{1,3}|_{1,3}|~~|`{1,3}|={2}")


def structure(text: str, rules: Rules) -> Iterator[Edit]:
    """Entities become characters, tags and link targets go; a link's text and an image's stay."""
    for found in _STRUCTURE.finditer(text):
        start, end = found.span()
        match found.lastgroup:
            case "entity":
                new = html.unescape(found.group())
                yield Edit(start, end, new if new.isprintable() else " ")
            case "autolink":
                yield Edit(start, found.start("autolink"), "")
                yield Edit(found.end("autolink"), end, "")
            case "tag":
                yield Edit(start, end, " " if _BREAKS.match(found.group()) else "")
            case "escaped":
                yield Edit(start, start + 1, "")
            case _:
                yield Edit(start, end, "")


def emphasis(text: str, rules: Rules) -> Iterator[Edit]:
    """Stars, underscores, strokes and backticks go, whether they are paired or not.

    Pairs may lie in different pieces of a text that is still being written. A sign between
    two spaces or two digits is no markup.
    """
    for found in _EMPHASIS.finditer(text):
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        sign = found.group()[0]
        if sign == "_":
            yield Edit(found.start(), found.end(), " " if _word(before) and _word(after) else "")
        elif (sign == "*" and before.isdigit() and after.isdigit()) or (
            sign == "=" and _word(before) and _word(after)
        ):
            continue
        elif sign == "`" or _outside(before) != _outside(after) or not _outside(before):
            yield Edit(found.start(), found.end(), "")


def _word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _outside(character: str) -> bool:
    return not character or character.isspace()
