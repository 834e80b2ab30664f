"""Cuts text into the pieces that are spoken one by one."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import sentencex  # pyright: ignore[reportMissingTypeStubs]  it has none

MAX_CHARS = 200
"""About 15 s of speech: what one synthesis step may take, whatever the text."""

FIRST_CHARS = 80
"""A first sentence longer than this is cut at a clause, so that speech begins sooner."""

_LEAST_CHARS = 15  # shorter than this, a clause of its own sounds chopped

# after a comma and the like that is followed by white space, or a full-width one
_PAUSE = re.compile(r"[,;:—–]['\"”’)\]]*\s+|[\u3001\uff0c\uff1a\uff1b]")
_WHITE_SPACE = re.compile(r"\s+")


class _Boundaries(Protocol):
    def get_sentence_boundaries(self, language: str, text: str) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A piece of a text: ``text == whole[start:end]``, white space included."""

    text: str
    start: int
    end: int


def is_speakable(text: str) -> bool:
    """Whether there is a letter or digit of any script in it."""
    return any(character.isalnum() for character in text)


def clauses(
    text: str,
    *,
    language: str = "en",
    max_chars: int = MAX_CHARS,
    first_chars: int = FIRST_CHARS,
) -> list[Clause]:
    """Cuts a text into sentences, and sentences that are too long into clauses or words.

    Args:
        text: Any text.
        language: Whose abbreviations end no sentence (`Dr.`, `z. B.`).
        max_chars: No clause is longer, but for white space and what cannot be spoken.
        first_chars: A first clause longer than this is cut where a speaker would pause,
            if there is such a place.

    Returns:
        The clauses in order; together they are the text. Each has something that can be
        spoken, unless the whole text has nothing. None for an empty text.
    """
    ends: list[int] = []
    for start, end in sentences(text, language):
        limit = first_chars if not ends else max_chars
        ends.extend(_cuts(text, start, end, limit, max_chars))
    return _joined(text, ends)


def sentences(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence with the white space after it; they cover the text."""
    code = re.split("[-_+]", language.lower(), maxsplit=1)[0]
    at = 0
    # the package has no types of its own
    boundaries = cast(_Boundaries, sentencex).get_sentence_boundaries(code, text)
    for boundary in boundaries:
        end = int(boundary["end_index"])
        if end > at:
            yield at, end
            at = end
    if at < len(text):
        yield at, len(text)


def first_pause(text: str, start: int, end: int) -> int | None:
    """Where the first clause of ``text[start:end]`` may end, if it has a pause."""
    for pause in _PAUSE.finditer(text, start, end):
        if pause.end() - start >= _LEAST_CHARS and end - pause.end() >= _LEAST_CHARS:
            return pause.end()
    return None


def _cuts(text: str, start: int, end: int, limit: int, max_chars: int) -> Iterator[int]:
    """Where the pieces of a sentence end; `limit` is for the first piece."""
    if limit < end - start <= max_chars:
        # short enough to be spoken whole: only a pause is worth a cut
        cut = first_pause(text, start, end)
        if cut is not None:
            yield cut
            start = cut
    while end - start > max_chars:
        start = _cut(text, start, start + max_chars)
        yield start
    yield end


def _cut(text: str, start: int, limit: int) -> int:
    """The last good place to cut in ``text[start:limit]``: a pause, white space, anywhere."""
    for pattern in (_PAUSE, _WHITE_SPACE):
        places = [place.end() for place in pattern.finditer(text, start, limit)]
        # not so early that a stump is left
        if places and places[-1] - start >= _LEAST_CHARS:
            return places[-1]
    cut = limit
    while cut - 1 > start and _belongs_to_previous(text[cut]):
        cut -= 1
    return cut


def _belongs_to_previous(character: str) -> bool:
    # accents, vowel signs, emoji joiners and variation selectors
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def _joined(text: str, ends: list[int]) -> list[Clause]:
    """Clauses between the ends; what cannot be spoken goes with what is before it."""
    result: list[Clause] = []
    start = 0
    for end in ends:
        piece = text[start:end]
        if not is_speakable(piece):
            if not result:
                continue  # goes with what follows
            last = result.pop()
            result.append(Clause(text=text[last.start : end], start=last.start, end=end))
        else:
            result.append(Clause(text=piece, start=start, end=end))
        start = end
    if start < len(text):  # nothing that can be spoken in all of it
        result.append(Clause(text=text[start:], start=start, end=len(text)))
    return result
