"""Words by which a caller says "go on" without wanting the turn."""

import re
from collections.abc import Mapping, Sequence


class BackChannels:
    """Knows what is said without a wish to be answered.

    Args:
        phrases: By language; letters alone count, hyphens are spaces.
    """

    def __init__(self, phrases: Mapping[str, Sequence[str]]) -> None:
        self._by_language = {
            language: _pattern(of_language) for language, of_language in phrases.items()
        }
        self._of_any = _pattern([phrase for some in phrases.values() for phrase in some])

    def match(self, text: str, language: str = "") -> bool:
        """Whether a text is nothing but such words, or nothing at all.

        Args:
            text: As recognised.
            language: Code; empty if it is not known, then any language will do.
        """
        known = self._by_language.get(language) if language else self._of_any
        words = normalize_words(text)
        return not words or (known is not None and known.fullmatch(words) is not None)


def normalize_words(text: str) -> str:
    """The words of a text, without case and punctuation."""
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower()))


def _pattern(phrases: Sequence[str]) -> re.Pattern[str]:
    # the longest first, so that none hides another that begins with it
    known = sorted({normalize_words(phrase) for phrase in phrases} - {""}, key=len, reverse=True)
    one = "|".join(re.escape(phrase) for phrase in known) or "(?!)"
    return re.compile(rf"(?:{one})(?: (?:{one}))*")
