"""Text to phonemes, and which phoneme belongs to which word; in the worker process only.

espeak-ng does not say how a clause ended, and its spaces do not part words: it joins some
(`of the`) and makes several of one (`1984`). So the end of a clause is read from what is
written there, and each written word is put into phonemes alone and laid against its clause.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Protocol

_LANGUAGE_FLAG = re.compile(r"\([^)]*\)")  # "(fr)" where a word is taken for another language's
_WORD = re.compile(r"\S+")
_CLOSERS = "\"'”’»)]}*_ \t\r\n"
_ENDS_OF_SENTENCES = frozenset(".?!")
# how the ends of clauses are written in what voices were trained on
_MARKS = {
    **{mark: mark for mark in ".?!,:;"},
    **dict.fromkeys("–—", ";"),
    "\u3002": ".",  # the full-width ones
    "\uff1f": "?",
    "\uff01": "!",
    "\uff0c": ",",
    "\u3001": ",",
    "\uff1a": ":",
    "\uff1b": ";",
    "\u061f": "?",  # Arabic
}
_NO_MARK = ","  # an ellipsis or a new line: without a mark the words around it are glued
_LAST_MARK = "."  # without one the last phoneme is cut off
_STRESS = "ˈˌ"
_LENGTH = "\u02d0"  # of a vowel; not a colon
_LETTERS = frozenset({"Ll", "Lo", "Lm", "Lu"})
_VOWELS = frozenset("aeiouyæ\u0251ɒɐɔəɚɛɜ\u026aʊʌɨʉøœɝ")
# Costs of laying phonemes against each other: a vowel for a consonant is the worst.
_GAP, _OTHER, _OTHER_KIND = 2, 2, 3
_PAUSE = -1


class Speaks(Protocol):
    """What is needed of the library."""

    def clauses(self, text: str) -> Any:
        """IPA and end of each clause."""
        ...


def put_into_phonemes(library: Speaks, text: str) -> dict[str, Any]:
    """The body of SAID for a text in the library's voice."""
    found = _clauses(library, text)
    ipa, owners, words, mark = "", list[int](), list[tuple[int, int]](), _LAST_MARK
    for number, (said, start, end) in enumerate(found):
        last = number + 1 == len(found)
        mark = _mark(text[start:end]) or (_LAST_MARK if last else _NO_MARK)
        pause = mark if last else f"{mark} "
        spans = _spans(text, start, end)
        alone = [_alone(library, text[a:b]) for a, b in spans]
        owners += [o + len(words) if o >= 0 else o for o in _owners(said, alone)]
        owners += [_PAUSE] * len(pause)
        ipa += said + pause
        words += spans
    ends_sentence = mark in _ENDS_OF_SENTENCES
    return {"ipa": ipa, "words": words, "owners": owners, "ends_sentence": ends_sentence}


def _clauses(library: Speaks, text: str) -> list[tuple[str, int, int]]:
    """IPA, start and end of each clause; one of which nothing is heard goes with that before."""
    found, start = list[tuple[str, int, int]](), 0
    for said, end in library.clauses(text):
        said = unicodedata.normalize("NFD", _LANGUAGE_FLAG.sub("", said)).strip()
        if said or not found:
            found.append((said, start, end))
        else:
            found.append((*found.pop()[:2], end))
        start = end
    return [clause for clause in found if clause[0]]


def _mark(text: str) -> str:
    """What a clause ends with."""
    text = text.rstrip(_CLOSERS)
    if text.endswith(("...", "…")):
        return ""
    if "?" in text[len(text.rstrip("?!")) :]:
        return "?"
    return _MARKS.get(text[-1:], "")


def _spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where the words are that can be heard."""
    found = _WORD.finditer(text, start, end)
    return [m.span() for m in found if any(character.isalnum() for character in m[0])]


def _alone(library: Speaks, word: str) -> list[str]:
    said = "".join(said for said, _ in library.clauses(word))
    return _letters(unicodedata.normalize("NFD", _LANGUAGE_FLAG.sub("", said)))


def _letters(ipa: str) -> list[str]:
    return [ch for ch in ipa if unicodedata.category(ch) in _LETTERS and ch not in _LENGTH]


def _owners(ipa: str, words: Sequence[list[str]]) -> list[int]:
    """The word of each character of a clause; -1 for pauses and where there is no word."""
    alone = [(phoneme, number) for number, word in enumerate(words) for phoneme in word]
    if not alone:
        return [_PAUSE] * len(ipa)
    letters = set(_letters(ipa))
    places = [place for place, ch in enumerate(ipa) if ch in letters]
    owners: list[int | None] = [None] * len(ipa)
    if len(words) == 1:
        laid = [0] * len(places)
    else:
        laid = _lay([phoneme for phoneme, _ in alone], [ipa[place] for place in places])
    for place, index in zip(places, laid, strict=True):
        owners[place] = alone[index][1]
    return _with_marks(ipa, owners)


def _with_marks(ipa: str, owners: list[int | None]) -> list[int]:
    """Stress goes with the phoneme after it, length and accents with the one before it."""
    before: int | None = None
    for place, ch in enumerate(ipa):
        if owners[place] is not None:
            before = owners[place]
        elif ch in _STRESS:
            owners[place] = next((o for o in owners[place:] if o is not None), None)
        elif not ch.isspace():
            owners[place] = before
    return [_PAUSE if owner is None else owner for owner in owners]


def _lay(alone: Sequence[str], heard: Sequence[str]) -> list[int]:
    """For each phoneme that is heard the one of `alone` that it goes with, in order.

    The way with the least changes, as in a comparison of two texts.
    """
    costs = [[_GAP * j for j in range(len(heard) + 1)]]
    for i, phoneme in enumerate(alone, 1):
        above, row = costs[-1], [_GAP * i]
        for j, other in enumerate(heard, 1):
            change = above[j - 1] + (0 if phoneme == other else _change(phoneme, other))
            row.append(min(change, above[j] + _GAP, row[-1] + _GAP))
        costs.append(row)
    laid = [0] * len(heard)
    i, j = len(alone), len(heard)
    while j:
        here = costs[i][j]
        if i and here == costs[i - 1][j - 1] + _change(alone[i - 1], heard[j - 1]):
            i, j = i - 1, j - 1
            laid[j] = i
        elif i and here == costs[i - 1][j] + _GAP:
            i -= 1
        else:
            j -= 1
            laid[j] = max(0, i - 1)
    return laid


def _change(one: str, other: str) -> int:
    if one == other:
        return 0
    return _OTHER if (one in _VOWELS) == (other in _VOWELS) else _OTHER_KIND
