"""Scripts that the multilingual model does not read as they are written.

It was trained on Chinese as the codes of an input method, which lie beside its weights, and
on Japanese with its kanji as hiragana. All others it reads as they are, once they are
decomposed: Korean then has its letters one by one. Russian without stress marks and Hebrew
without vowels are read too, less well than the texts that it was trained on.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from voice_agent.engines.chatterbox.checkpoint import CheckpointFiles

Reader = Callable[[str], str]
"""Text, lower case and decomposed, as the model reads it."""

_KANJI = ("\u4e00", "\u9faf")
_PARTICLES = ("\u306f", "\u3078")  # written ha and he, spoken wa and e


def unreadable(files: CheckpointFiles) -> Mapping[str, str]:
    """Why some of a model's languages cannot be read here, by their codes."""
    why: dict[str, str] = {}
    if "zh" in files.spec.languages and "cangjie" not in files.parts:
        why["zh"] = "Cangjie5_TC.json is not in its folder"
    if "ja" in files.spec.languages and find_spec("pykakasi") is None:
        why["ja"] = "pip install pykakasi"
    return why


def readers(files: CheckpointFiles) -> Mapping[str, Reader]:
    """What makes the model's languages readable, for those that need it and can have it."""
    found: dict[str, Reader] = {}
    missing = unreadable(files)
    if "zh" in files.spec.languages and "zh" not in missing:
        found["zh"] = Cangjie(json.loads(files.parts["cangjie"].read_text(encoding="utf-8")))
    if "ja" in files.spec.languages and "ja" not in missing:
        kakasi: Any = import_module("pykakasi").kakasi()
        found["ja"] = lambda text: _hiragana(kakasi.convert(text))
    return found


class Cangjie:
    """Chinese characters as the keys one would press for them.

    Args:
        lines: Of the model's file: a character, a tab, its code; the most used first.
    """

    def __init__(self, lines: list[str]) -> None:
        self._codes: dict[str, str] = {}
        n_alike: dict[str, int] = {}
        for line in lines:
            character, code = line.split("\t")[:2]
            n_before = n_alike.get(code, 0)
            n_alike[code] = n_before + 1
            self._codes[character] = f"{code}{n_before or ''}"

    def __call__(self, text: str) -> str:
        """The text with each known character as tokens of the model."""
        return "".join(self._read(character) for character in text)

    def _read(self, character: str) -> str:
        code = self._codes.get(character)
        if code is None or unicodedata.category(character) != "Lo":
            return character
        return "".join(f"[cj_{key}]" for key in [*code, "."])


def _hiragana(words: list[dict[str, str]]) -> str:
    """Kanji by their sound; everything else stays."""
    read: list[str] = []
    for word in words:
        written, sound = word["orig"], word["hira"]
        if any(_KANJI[0] <= character <= _KANJI[1] for character in written):
            read.append(f" {sound}" if sound.startswith(_PARTICLES) else sound)
        else:
            read.append(written)
    return unicodedata.normalize("NFKD", "".join(read))
