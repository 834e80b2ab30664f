"""Cuts text into the pieces that are spoken one by one."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import sentencex  # pyright: ignore[reportMissingTypeStubs]  it has none

MAX_CHARS = 200
"""About 15 s of speech: what one synthesis step may take, whatever the text."""

FIRST_CHARS = 80
"""A first sentence longer than this is cut at a clause, so that speech begins sooner."""

_LEAST_CHARS = 15  # shorter than this, a clause of its own sounds chopped
_MAX_GRAPHEME = 32  # code points; the longest emoji has 10

# after a comma and the like that is followed by white space, or a full-width one
_PAUSE = re.compile(r"[,;:—–]['\"”’)\]]*\s+|[\u3001\uff0c\uff1a\uff1b]")
_WHITE_SPACE = re.compile(r"\s+")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseLimits:
    """How long a clause may be for an engine.

    Attributes:
        max_chars: No clause is longer, but for white space and what cannot be spoken.
        first_chars: A first clause longer than this is cut where a speaker would pause, if
            there is such a place.
        least_chars: A shorter one is joined with its neighbour, if it has one: some models
            speak nonsense when they are given a single word.
        max_tokens: No clause has more of the engine's own units; None leaves them out.
        count_tokens: Counts them. More text never has fewer.
    """

    max_chars: int = MAX_CHARS
    first_chars: int = FIRST_CHARS
    least_chars: int = 0
    max_tokens: int | None = None
    count_tokens: Callable[[str], int] = len


NO_LIMITS = ClauseLimits()


@runtime_checkable
class Limited(Protocol):
    """A speaker whose clauses have limits of their own."""

    @property
    def clause_limits(self) -> ClauseLimits:
        """What its model speaks well."""
        ...


def limits_of(speaker: object) -> ClauseLimits:
    """A speaker's limits, or the usual ones."""
    return speaker.clause_limits if isinstance(speaker, Limited) else NO_LIMITS


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
    limits: ClauseLimits = NO_LIMITS,
) -> list[Clause]:
    """Cuts a text into sentences, and sentences that are too long into clauses or words.

    Args:
        text: Any text.
        language: Whose abbreviations end no sentence (`Dr.`, `z. B.`).
        limits: Of the engine.

    Returns:
        The clauses in order; together they are the text. Each has something that can be
        spoken, unless the whole text has nothing. None for an empty text.
    """
    ends: list[int] = []
    max_chars = limits.max_chars - limits.least_chars  # a short one may come before it
    for start, end in sentences(text, language):
        limit = limits.first_chars if not ends else max_chars
        ends.extend(_cuts(text, start, end, limit, max_chars))
    pieces = _joined(text, ends, limits)
    if limits.max_tokens is None:
        return pieces
    ends = [end for piece in pieces for end in _within(piece.start, piece.text, limits)]
    return _joined(text, ends, NO_LIMITS)


def sentences(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence with the white space after it; they cover the text."""
    code = re.split("[-_+]", language.lower(), maxsplit=1)[0]
    at = 0
    text = _SURROGATE.sub("\ufffd", text)  # the package takes only what can be encoded
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
    return safe_cut(text, start, limit)


def safe_cut(text: str, start: int, limit: int) -> int:
    """The last place in ``text[start + 1 : limit + 1]`` that is not inside a character.

    A character as a reader sees it: with its accents and vowel signs, a joined emoji, a
    flag. One that is made of very many is cut all the same.
    """
    for cut in range(limit, max(start, limit - _MAX_GRAPHEME), -1):
        if cut >= len(text) or not _joined_to_next(text, cut, start):
            return cut
    return limit


def _joined_to_next(text: str, cut: int, start: int) -> bool:
    before, after = text[cut - 1], text[cut]
    # accents, vowel signs, emoji joiners and variation selectors
    if unicodedata.category(after) in ("Mn", "Mc", "Me", "Cf") or before == "\u200d":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or (before == "\r" and after == "\n"):
        return True
    if not (_is_flag(before) and _is_flag(after)):
        return _is_jamo(before) and _is_jamo(after)
    first = cut
    while first > start and _is_flag(text[first - 1]):
        first -= 1
    return (cut - first) % 2 == 1  # two letters make a flag


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff"


def _within(start: int, text: str, limits: ClauseLimits) -> Iterator[int]:
    """Ends of the parts of a clause, halved until each has few enough tokens."""
    n_tokens = limits.count_tokens(text)
    if limits.max_tokens is None or n_tokens <= limits.max_tokens or len(text) < 2:
        yield start + len(text)
        return
    cut = _cut(text, 0, (len(text) + 1) // 2)
    yield from _within(start, text[:cut], limits)
    yield from _within(start + cut, text[cut:], limits)


def _joined(text: str, ends: list[int], limits: ClauseLimits) -> list[Clause]:
    """Clauses between the ends.

    What cannot be spoken goes with what is before it, what is too short with what follows,
    at the end with what is before it.
    """
    result: list[Clause] = []
    start = 0
    for number, end in enumerate(ends):
        piece = text[start:end]
        if not is_speakable(piece):
            if not result:
                continue  # goes with what follows
            start = result.pop().start
        elif len(piece.strip()) < limits.least_chars:
            if number + 1 < len(ends):
                continue
            if result and end - result[-1].start <= limits.max_chars:
                start = result.pop().start
        result.append(Clause(text=text[start:end], start=start, end=end))
        start = end
    if start < len(text):  # nothing that can be spoken in all of it
        result.append(Clause(text=text[start:], start=start, end=len(text)))
    return result
