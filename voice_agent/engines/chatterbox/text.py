"""Text as the models were trained on it, and its ids."""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Any

from voice_agent.engines.chatterbox.checkpoint import CheckpointFiles
from voice_agent.engines.chatterbox.romanization import readers
from voice_agent.engines.chatterbox.spec import EngineSpec

_SPACE = "[SPACE]"
_ENDINGS = (".", "!", "?", "-", ",", "\u3001", "\uff0c", "\u3002", "\uff1f", "\uff01")
_TURBO_MARKS = frozenset({"...", " - ", ";"})
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


def tidy(text: str, spec: EngineSpec) -> str:
    """With single spaces, a capital at the start, plain marks and a mark at the end.

    Args:
        text: Not empty, something in it can be spoken.
        spec: Turbo knows some marks that the others do not.
    """
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    for mark, plain in _MARKS.items():
        if spec.framed or mark not in _TURBO_MARKS:
            text = text.replace(mark, plain)
    text = text.rstrip(" ")
    return text if text.endswith(_ENDINGS) else f"{text}."


class TextIds:
    """The model's own tokenizer.

    Args:
        files: Of the checkpoint.
    """

    def __init__(self, files: CheckpointFiles) -> None:
        self._spec = files.spec
        self._read = readers(files)
        path = files.parts["text"]
        if self._spec.framed:
            tokenizers: Any = import_module("tokenizers")
            tokenizer: Any = tokenizers.Tokenizer.from_file(str(path))
            self._encode: Callable[[str], Sequence[int]] = lambda text: tokenizer.encode(text).ids
        else:
            transformers: Any = import_module("transformers")
            self._encode = transformers.AutoTokenizer.from_pretrained(
                str(path.parent), local_files_only=True
            ).encode

    def ids(self, text: str, language: str) -> Sequence[int]:
        """The ids of a text, without start and stop.

        Args:
            text: As people write it.
            language: A code that can be read here.
        """
        text = tidy(text, self._spec)
        if not self._spec.framed:
            return self._encode(text)
        if self._spec.tags_language:
            text = unicodedata.normalize("NFKD", text.lower())
            read = self._read.get(language)
            text = f"[{language}]{read(text) if read else text}"
        return self._encode(text.replace(" ", _SPACE))
