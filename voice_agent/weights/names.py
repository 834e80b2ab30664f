"""Which models can be pulled, and by which names.

The names and repositories are those of faster-whisper 1.2.1 (`faster_whisper.utils._MODELS`),
so that a name means the same here and there; a test compares the two. The files are those
that it fetches. Sizes are those of the original model cards: two bytes a parameter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from voice_agent.errors import UnknownModel

_WHISPER_FILES = (
    "config.json",
    "preprocessor_config.json",
    "model.bin",
    "tokenizer.json",
    "vocabulary.*",
)
_BYTES_PER_PARAMETER = 2
_MANY = "about 100 languages"
_ENGLISH = "English only"

# name, repository, million parameters, languages; from small to large
_TABLE = (
    ("tiny", "Systran/faster-whisper-tiny", 39, _MANY),
    ("tiny.en", "Systran/faster-whisper-tiny.en", 39, _ENGLISH),
    ("base", "Systran/faster-whisper-base", 74, _MANY),
    ("base.en", "Systran/faster-whisper-base.en", 74, _ENGLISH),
    ("distil-small.en", "Systran/faster-distil-whisper-small.en", 166, _ENGLISH),
    ("small", "Systran/faster-whisper-small", 244, _MANY),
    ("small.en", "Systran/faster-whisper-small.en", 244, _ENGLISH),
    ("distil-medium.en", "Systran/faster-distil-whisper-medium.en", 394, _ENGLISH),
    ("distil-large-v2", "Systran/faster-distil-whisper-large-v2", 756, _ENGLISH),
    ("distil-large-v3", "Systran/faster-distil-whisper-large-v3", 756, _ENGLISH),
    ("distil-large-v3.5", "distil-whisper/distil-large-v3.5-ct2", 756, _ENGLISH),
    ("medium", "Systran/faster-whisper-medium", 769, _MANY),
    ("medium.en", "Systran/faster-whisper-medium.en", 769, _ENGLISH),
    ("turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", 809, _MANY),
    ("large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", 809, _MANY),
    ("large-v1", "Systran/faster-whisper-large-v1", 1550, _MANY),
    ("large-v2", "Systran/faster-whisper-large-v2", 1550, _MANY),
    ("large-v3", "Systran/faster-whisper-large-v3", 1550, _MANY),
    ("large", "Systran/faster-whisper-large-v3", 1550, _MANY),
)

# What the hub allows, less what would not be one plain folder name here: it refuses `--` and
# `..` in names itself.
_REPOSITORY = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model that can be pulled.

    Attributes:
        name: What people call it, and its folder, with `--` for `/`.
        repository: "owner/name" on the hub.
        files: Patterns of the files that are needed, all at the top of the repository.
        about: One line for people: size and languages.
    """

    name: str
    repository: str
    files: tuple[str, ...]
    about: str


WHISPER: Mapping[str, Weights] = {
    name: Weights(
        name=name,
        repository=repository,
        files=_WHISPER_FILES,
        about=f"about {millions * _BYTES_PER_PARAMETER} MB, {languages}",
    )
    for name, repository, millions, languages in _TABLE
}


def resolve(name: str) -> Weights:
    """The model of a name.

    Args:
        name: One of `WHISPER`, or any repository as "owner/name".

    Raises:
        UnknownModel: Neither; the message has the names that are nearest.
    """
    if name in WHISPER:
        return WHISPER[name]
    if is_repository(name):
        about = "a repository of its own"
        return Weights(name=name, repository=name, files=_WHISPER_FILES, about=about)
    close = get_close_matches(name.lower(), WHISPER, n=3)
    if close:
        raise UnknownModel(f"there is no model {name}; did you mean {' or '.join(close)}?")
    names = ", ".join(WHISPER)
    raise UnknownModel(f"there is no model {name}; there are: {names}, or any owner/name")


def is_repository(name: str) -> bool:
    """Whether a name has the form "owner/name"."""
    return _REPOSITORY.fullmatch(name) is not None


def same_weights(weights: Weights) -> list[str]:
    """All names of the table for the same repository, the given one first."""
    others = (other for other in WHISPER.values() if other.repository == weights.repository)
    return [weights.name, *(other.name for other in others if other.name != weights.name)]
