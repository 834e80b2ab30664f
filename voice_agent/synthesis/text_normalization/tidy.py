"""The first and the last pass: characters that are no text, and white space."""

import re
import unicodedata
from collections.abc import Iterator

from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules

# Controls, directions, invisible operators, private use and lone surrogates. Joiners
# (U+200C, U+200D) stay: Persian and Indic scripts are written with them.
_NO_TEXT = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ue000-\uf8ff\ufeff\ufff0-\uffff\U000f0000-\U0010ffff]+"
)
# letters and digits in disguise: mathematical bold, double-struck, full width, …
_DISGUISED = re.compile("[\U0001d400-\U0001d7ff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+")
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]|\s*\n\s*")
_BEFORE_STOP = re.compile(r"\s+(?=[.,;!?…]{1,3}(?:\s|$))")
_REPEATED = re.compile(r"([.!?,;:…])\1{3,}|[-–—]{3,}")
_AROUND = re.compile(r"\A\s+|\s+\Z")
_MOST_STOPS = 3


def raw(text: str, rules: Rules) -> Iterator[Edit]:
    """Leaves out what is no text, and gives plain letters for those in disguise."""
    for found in _sorted(text, _NO_TEXT, _DISGUISED):
        new = unicodedata.normalize("NFKC", found.group())
        yield Edit(found.start(), found.end(), "" if found.re is _NO_TEXT else new)


def stops(text: str, rules: Rules) -> Iterator[Edit]:
    """Shortens rows of full stops, exclamation marks and dashes."""
    for found in _REPEATED.finditer(text):
        mark = found.group(1)
        yield Edit(found.start(), found.end(), mark * _MOST_STOPS if mark else " ")


def spaces(text: str, rules: Rules) -> Iterator[Edit]:
    """One space between words and at the end, none at the beginning and before a full stop."""
    for found in _sorted(text, _AROUND, _BEFORE_STOP, _SPACES):
        if found.re is _BEFORE_STOP or found.start() == 0:
            new = ""
        else:
            new = "\n" if "\n" in found.group() and found.end() < len(text) else " "
        if new != found.group():
            yield Edit(found.start(), found.end(), new)


def _sorted(text: str, *patterns: re.Pattern[str]) -> list[re.Match[str]]:
    """The finds of all patterns by place; of those at one place, the earlier pattern's first."""
    found: list[re.Match[str]] = []
    for pattern in patterns:
        found += pattern.finditer(text)
    return sorted(found, key=re.Match[str].start)
