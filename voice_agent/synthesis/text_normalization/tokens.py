"""Cuts text, whole or as it is written, into pieces that can be rewritten each by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from voice_agent.engines.clauses import is_speakable, safe_cut, sentences
from voice_agent.synthesis.text_normalization.blocks import BLOCK_START
from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.rules import ENDS_SENTENCES

MAX_PIECE_CHARS = 400
"""About 30 s of speech. A text without any place to cut is cut here."""

_AHEAD_CHARS = 32  # how far one looks beyond a cut, at most
_LEAST_CHARS = 15  # before and after the pause that the first clause ends at
_CONTEXT_CHARS = 64  # before a full stop, to tell whether it ends a sentence
_MOST_TRIES = 50  # white space in a tag; more of it is no tag

_CANDIDATE = re.compile(
    r"(?P<stop>[.!?…؟۔।]+[\"'”’»)\]*_~`]*)\s"  # noqa: RUF001
    r"|(?P<full>[。！？｡]+[」』）”’]*)(?=[^」』）”’。！？｡])"  # noqa: RUF001
    r"|(?P<pause>[,;:—–]['\"”’)\]*_]*[^\S\n]|[\u3001\uff0c\uff1a\uff1b])"
    r"|(?P<line>\n)"
)
_OPEN_MARKUP = re.compile(r"<[A-Za-z/!][^<>]{0,200}\Z|\]\([^()\s]{0,200}\s[^()]{0,200}\Z")
_LIST_NUMBER = re.compile(r"[ \t]*\d{1,3}[.)]\s\Z")
_INITIAL = re.compile(r"(?<!\w)[^\W\d_]\.\s\Z")
_GERMAN_ORDINAL = re.compile(r"(?<!\d)\d{1,3}\.\s\Z")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_SPACE = re.compile(r"\s")
_ENDS_LINE = re.compile(r"[.!?…:。！？][\"'”’»)\]*_~`]*[ \t]*\n\Z")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a text.

    Attributes:
        text: As it is written.
        start: Where it is in the whole.
        line_start: It begins where a line begins.
        code: `opening` for the line that opens a block of program code, `inside` for the
            code and the closing line; empty for text.
    """

    text: str
    start: int
    line_start: bool
    code: str = ""


class _Cut(NamedTuple):
    sure_at: int  # when this many characters are there, it is known
    at: int


class Tokenizer:
    """Takes text as it comes and gives the pieces that are complete.

    Where it cuts depends on the text alone, not on how it was split into deltas: of all
    places to cut, the one that could be known first is taken. The first clause ends at its
    first pause, so that speech begins sooner; later pieces are sentences, or lines.

    Args:
        language: Whose abbreviations end no sentence.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._abbreviations = rules_for(language).abbreviations.keys() - ENDS_SENTENCES
        self._german = language.lower().startswith("de")
        self._pending = ""
        self._at = 0
        self._line_start = True
        self._fence = ""
        self._spoken = False  # something that can be spoken was given out
        self._refused: set[int] = set()  # places in `_pending` where no sentence ends

    @property
    def n_chars(self) -> int:
        """Length of the text so far."""
        return self._at + len(self._pending)

    def feed(self, delta: str) -> list[Token]:
        """Adds text; returns the pieces that are complete now, often none."""
        self._pending += delta
        pieces: list[Token] = []
        while (cut := self._next_cut()) is not None:
            pieces.append(self._take(cut))
        return pieces

    def flush(self) -> list[Token]:
        """Ends the text; returns what is left of it."""
        return [self._take(len(self._pending))] if self._pending else []

    def _take(self, end: int) -> Token:
        text, self._pending = self._pending[:end], self._pending[end:]
        piece = Token(text, self._at, self._line_start, self._code(text))
        self._at += end
        self._line_start = text.endswith("\n")
        self._refused.clear()
        self._spoken = self._spoken or (not piece.code and is_speakable(text))
        return piece

    def _code(self, text: str) -> str:
        fence = _FENCE.match(text) if self._line_start else None
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not text[fence.end() :].strip():
                self._fence = ""
            return "inside"
        if fence is None:
            return ""
        self._fence = fence[1]
        return "opening"

    def _next_cut(self) -> int | None:
        if self._pending.startswith("\n"):
            return 1
        window = self._pending[: MAX_PIECE_CHARS + _AHEAD_CHARS]
        line = window.find("\n", 0, MAX_PIECE_CHARS)
        if self._fence or (self._line_start and _FENCE.match(window)):
            if line >= 0:
                return line + 1
        elif best := min(self._cuts(window), default=None):
            return best.at
        return self._forced(window) if len(window) == MAX_PIECE_CHARS + _AHEAD_CHARS else None

    def _cuts(self, window: str) -> Iterator[_Cut]:
        """Places to cut, with when they were known; the first sure one ends the search."""
        limit = len(window)
        for found in _CANDIDATE.finditer(window, 0, min(len(window), MAX_PIECE_CHARS)):
            if found.end() > limit:
                return
            cut = self._cut_at(found, window)
            if cut is not None and not _open_markup(window, cut.at):
                limit = min(limit, cut.sure_at)
                yield cut

    def _cut_at(self, found: re.Match[str], window: str) -> _Cut | None:
        at = found.end()
        if found["pause"]:
            return None if self._spoken else _pause(window, at)
        if found["full"]:
            return _Cut(at + 1, at)
        if found["line"] or found.group().endswith("\n"):
            return _line(window, at)
        return self._sentence(window, at)

    def _sentence(self, window: str, at: int) -> _Cut | None:
        if at in self._refused or _LIST_NUMBER.fullmatch(window, 0, at):
            return None
        if _INITIAL.search(window, max(0, at - 4), at) or self._shortened(window, at):
            return None
        if self._german and _GERMAN_ORDINAL.search(window, max(0, at - 6), at):
            return None
        head = window[max(0, at - _CONTEXT_CHARS) : at]
        if self._ends(head, "a"):
            return _Cut(at, at)
        following = window[at:].lstrip()
        if not following:
            return None
        if self._ends(head, following[0]):
            return _Cut(len(window) - len(following) + 1, at)
        self._refused.add(at)
        return None

    def _shortened(self, window: str, at: int) -> bool:
        """Whether the word before is an abbreviation that something follows."""
        word = window[max(0, at - _CONTEXT_CHARS) : at].split()[-1:]
        return bool(word) and word[0].lstrip("([\"'*_") in self._abbreviations

    def _ends(self, head: str, following: str) -> bool:
        """Whether a sentence ends at the end of `head`; in lower case even "…" may go on."""
        return any(end == len(head) for _, end in sentences(head + following, self._language))

    def _forced(self, window: str) -> int:
        """Where to cut a piece that has become too long."""
        head = window[:MAX_PIECE_CHARS]
        spaces = [space.end() for space in _SPACE.finditer(head, _LEAST_CHARS)]
        for at in reversed(spaces[-_MOST_TRIES:]):
            if not _open_markup(head, at):
                return at
        return safe_cut(window, 0, MAX_PIECE_CHARS)


def _open_markup(text: str, at: int) -> bool:
    """Whether a tag or a link's target goes on at this place."""
    return _OPEN_MARKUP.search(text, max(0, at - 420), at) is not None


def _pause(window: str, at: int) -> _Cut | None:
    """A pause that the first clause may end at: not near an end, nor between numbers."""
    sure_at = at + _LEAST_CHARS
    if at < _LEAST_CHARS or len(window) < sure_at:
        return None
    digits = window[at - 3 : at].strip(" ,;:")[-1:].isdigit() or window[at].isdigit()
    return None if digits or not is_speakable(window[:at]) else _Cut(sure_at, at)


def _line(window: str, at: int) -> _Cut | None:
    """A line's end, unless the next line goes on with its sentence."""
    line_at = window.rfind("\n", 0, at - 1) + 1
    if BLOCK_START.match(window, line_at) or _ENDS_LINE.search(window, max(0, at - 12), at):
        return _Cut(at, at)
    following = window[at:].lstrip(" \t")
    if not following:
        return None
    sure_at = len(window) - len(following) + 1
    return _Cut(sure_at, at) if following[0] in "\n#>|`~-*+=•‣◦–0123456789" else None
