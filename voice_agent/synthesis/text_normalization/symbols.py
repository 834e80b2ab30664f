"""Signs that have a word, and those that have none."""

import re
from collections.abc import Iterator

from voice_agent.synthesis.text_normalization.normalized_text import Edit
from voice_agent.synthesis.text_normalization.rules import Rules

_RUN = re.compile(r"[-=<>!]{1,2}[=>]|<-|[&+=<>≠≈±×÷≤≥→⇒%‰°@√∞π§№©|\\_{}^~#*/•·]+")
_PAIRS = {"->": "→", "=>": "⇒", "-->": "→", "<=": "≤", ">=": "≥", "!=": "≠", "==": "="}
_PAUSES = "|•·"
_BETWEEN_WORDS = "/"


def symbols(text: str, rules: Rules) -> Iterator[Edit]:
    """`R & B`, `a -> b`, `2 * 3`, `and/or`; what has no word leaves a space."""
    for found in _RUN.finditer(text):
        start, end = found.span()
        sign = _PAIRS.get(found.group(), found.group())
        if sign == "*" and _between_numbers(text, start, end):
            sign = "×"
        elif sign == "~" and text[end : end + 1].strip():
            sign = "≈"
        word = rules.symbols.get(sign, "")
        if sign == "#" and rules.complete and text[end : end + 1].isalpha():
            word = "hashtag"
        if not word and sign in _PAUSES:
            yield Edit(start, end, ", " if text[:start].strip() else " ")
        else:
            yield Edit(start, end, f" {word} " if word else " ")


def _between_numbers(text: str, start: int, end: int) -> bool:
    """Whether a star has a letter or digit on both sides, spaces apart."""
    return text[:start].rstrip()[-1:].isalnum() and text[end:].lstrip()[:1].isalnum()
