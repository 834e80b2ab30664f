"""Which parts of a text are written in a script that a language does not use."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_LATIN = "LATIN"
_LANGUAGES = {
    "CYRILLIC": "ru",
    "GREEK": "el",
    "CJK": "cmn",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "ORIYA": "or",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "THAI": "th",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am",
    "MYANMAR": "my",
}
"""By the first word of its letters' Unicode names: a script, and who speaks what is written in
it, if nothing else is known. Letters of other scripts are left to the voice."""

_SCRIPTS = {
    "ru": "CYRILLIC", "uk": "CYRILLIC", "be": "CYRILLIC", "bg": "CYRILLIC", "sr": "CYRILLIC",
    "mk": "CYRILLIC", "kk": "CYRILLIC", "ky": "CYRILLIC", "tt": "CYRILLIC", "ba": "CYRILLIC",
    "cv": "CYRILLIC", "mn": "CYRILLIC",
    "el": "GREEK", "grc": "GREEK",
    "zh": "CJK", "cmn": "CJK", "yue": "CJK", "hak": "CJK", "ja": "CJK HIRAGANA KATAKANA",
    "ko": "HANGUL CJK",
    "ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "sd": "ARABIC", "ug": "ARABIC",
    "ku": "ARABIC", "he": "HEBREW",
    "hi": "DEVANAGARI", "ne": "DEVANAGARI", "mr": "DEVANAGARI", "kok": "DEVANAGARI",
    "bn": "BENGALI", "as": "BENGALI", "bpy": "BENGALI", "pa": "GURMUKHI", "gu": "GUJARATI",
    "or": "ORIYA", "ta": "TAMIL", "te": "TELUGU", "kn": "KANNADA", "ml": "MALAYALAM",
    "si": "SINHALA", "th": "THAI", "ka": "GEORGIAN", "hy": "ARMENIAN", "am": "ETHIOPIC",
    "my": "MYANMAR",
}  # fmt: skip
"""Scripts of the languages that are not written in Latin letters."""

_MATHEMATICAL = "GREEK"  # one letter of it is a symbol (π, Ω), which every voice can say


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A part of a text: ``text == whole[start:end]``.

    Attributes:
        language: Who speaks it; empty if it is in the script of the text's own language.
    """

    text: str
    start: int
    language: str


def runs(text: str, language: str) -> list[Run]:
    """Parts a text by script; together they are the text.

    What is no letter goes with what is before it. Latin letters are everybody's.

    Args:
        text: Any.
        language: Code of the text's own language.
    """
    own = frozenset((*_SCRIPTS.get(language.split("-", 1)[0].lower(), "").split(), _LATIN))
    found = list[Run]()
    for start, end, script in _pieces(text, own):
        spoken = _spoken(text[start:end], script)
        if found and found[-1].language == spoken:
            last = found.pop()
            start = last.start
        found.append(Run(text=text[start:end], start=start, language=spoken))
    return found


def _spoken(piece: str, script: str) -> str:
    if not script:
        return ""
    kana = any(_script(ch) in ("HIRAGANA", "KATAKANA") for ch in piece)
    return "ja" if script == "CJK" and kana else _LANGUAGES[script]


def _pieces(text: str, own: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Start, end and script of each part; an empty script is the text's own."""
    start, script, began = 0, "", False
    for at, character in enumerate(text):
        kind = _script(character)
        if not kind:
            continue
        foreign = "" if kind in own else kind
        if foreign == _MATHEMATICAL and not _same_beside(text, at):
            foreign = ""
        if _joined(script) == _joined(foreign):
            script, began = script or foreign, True
            continue
        if began and text[start:at]:
            yield start, at, script
            start = at
        script, began = foreign, True
    if start < len(text):
        yield start, len(text), script


def _joined(script: str) -> str:
    """Japanese is written in three scripts at once."""
    return "CJK" if script in ("HIRAGANA", "KATAKANA") else script


def _same_beside(text: str, at: int) -> bool:
    around = (text[at - 1] if at else "", text[at + 1 : at + 2])
    return any(ch and _script(ch) == _MATHEMATICAL for ch in around)


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """Of a letter; empty for what is none, or of a script that is not known here."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split(" ", 1)[0].split("-", 1)[0]
    return name if name in _LANGUAGES or name == _LATIN else ""
