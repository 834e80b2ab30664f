"""Text as the models were trained on it, and its ids."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from voice_agent.engines.chatterbox.spec import EngineSpec

_SPACE = "[SPACE]"
_ENDINGS = (".", "!", "?", "-", ",")
# marks that the training text hardly had, by those it had
_MARKS = {
    "...": ", ",
    "…": ", ",
    ":": ",",
    " - ": ", ",
    ";": ", ",
    "—": "-",
    "–": "-",
    " ,": ",",
    "“": '"',
    "”": '"',
    "\u2018": "'",
    "’": "'",
}


_TAG = re.compile(r"\s*\[[a-z]+(?: [a-z]+)*\]")


def without_tags(text: str, kept: Collection[str] = ()) -> str:
    """A text without tags like `[laugh]`, but for those that the model knows."""
    return _TAG.sub(lambda found: found[0] if found[0].strip() in kept else "", text)


def tidy(text: str) -> str:
    """With single spaces, a capital at the start, plain marks and a mark at the end.

    Args:
        text: Not empty, something in it can be spoken.
    """
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    for mark, plain in _MARKS.items():
        text = text.replace(mark, plain)
    text = text.rstrip(" ")
    return text if text.endswith(_ENDINGS) else f"{text}."


class TextIds:
    """The model's own tokenizer.

    Args:
        path: Its file.
        spec: Whether texts begin with a language.
    """

    def __init__(self, path: Path, spec: EngineSpec) -> None:
        tokenizers: Any = import_module("tokenizers")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        self._tags_language = spec.tags_language

    def ids(self, text: str, language: str) -> Sequence[int]:
        """The ids of a text, without start and stop.

        Args:
            text: Tidied.
            language: A code of the spec.
        """
        if self._tags_language:
            text = f"[{language}]{unicodedata.normalize('NFKD', text.lower())}"
        return self._tokenizer.encode(text.replace(" ", _SPACE)).ids
