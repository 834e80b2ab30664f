"""Telephone and card numbers: digit by digit, in the groups they are written in."""

import re
from collections.abc import Iterator

from voice_agent.synthesis.text_normalization.amounts import said_digits
from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules

_LEAST_DIGITS, _MOST_DIGITS = 7, 19
_PHONE = re.compile(
    r"""
    (?<![\w.,$€£¥+(/-])
    (?: \+\d{1,3}(?:[ \-./\u00a0]?\(?\d{1,5}\)?){1,7}
      | (?:1[-. ])?(?:\(\d{3}\)[ ]?|\d{3}[-. ])\d{3}[-. ]\d{4}
      | \d{3}-\d{4}
      | \(0\d{1,4}\)[ ]?\d{2,8}(?:[ -]\d{2,5}){0,3}
      | 0\d{1,4}(?:[ \-/.]\d{2,8}){1,5}
      | \d{4}(?:[ -]\d{4}){3}
      | \d{1,5}(?:-\d{1,7}){3,5}
    )
    (?!\w|[.,/-]\d)
    """,
    re.VERBOSE,
)
_GROUP = re.compile(r"\+?\d+")


def phones(text: str, rules: Rules) -> Iterator[Edit]:
    """`+1 (555) 123-4567` is "plus one, five five five, one two three, four five six seven"."""
    numbers = rules.numbers
    if numbers is None:
        return
    plus = rules.symbols.get("+", "plus")
    for found in _PHONE.finditer(text):
        n_digits = sum(character.isdigit() for character in found.group())
        if not _LEAST_DIGITS <= n_digits <= _MOST_DIGITS:
            continue
        said = [
            (f"{plus} " if group.startswith("+") else "") + said_digits(group.lstrip("+"), numbers)
            for group in _GROUP.findall(found.group())
        ]
        yield Edit(*found.span(), ", ".join(said))
