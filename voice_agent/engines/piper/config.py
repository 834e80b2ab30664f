"""What a voice's folder says of it: `NAME.onnx.json` beside `NAME.onnx`, and its model card."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voice_agent.errors import ModelMissing

PAD, BEGIN, END = "_", "^", "$"
_PHONEME_TYPE = "espeak"
_NOT_OF_IDS = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_ID_CHARS = 40  # with a speaker's name it shall still be an id
_MAX_BYTES = 4 << 20  # a voice of 900 speakers has 40 kB
_RATES_HZ = range(8_000, 48_001)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceConfig:
    """A voice.

    Attributes:
        voice_id: What requests call it.
        path: Its graph.
        name: What people call it.
        language: Code, as `en-US`.
        espeak_voice: What espeak-ng puts its texts into phonemes with.
        sample_rate_hz: Of its audio.
        length_scale: How slowly.
        phonemes: Ids of each phoneme.
        speakers: Number of each speaker by name; empty for a voice of one.
        licence: What its model card says; empty if it says nothing.
    """

    voice_id: str
    path: Path
    name: str
    language: str
    espeak_voice: str
    sample_rate_hz: int
    length_scale: float
    phonemes: Mapping[str, tuple[int, ...]]
    speakers: Mapping[str, int]
    licence: str

    @property
    def spoken(self) -> str:
        """The language without its region."""
        return primary(self.language)


def primary(language: str) -> str:
    """A language code without its region."""
    return re.split("[-_]", language.lower(), maxsplit=1)[0]


def graph_in(folder: Path) -> Path | None:
    """The graph of a voice's folder; None if it is no voice's folder."""
    found = sorted(folder.glob("*.onnx.json"))
    return found[0].with_suffix("") if found else None


def read_voice(folder: Path) -> VoiceConfig:
    """The voice in a folder; its graph is not read.

    Raises:
        ModelMissing: There is none, or none that can be used; the message says why.
    """
    graph = graph_in(folder)
    if graph is None or not graph.is_file():
        raise ModelMissing(f"{folder} holds no Piper voice (NAME.onnx and NAME.onnx.json)")
    path = graph.with_name(f"{graph.name}.json")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        return _voice(graph, json.loads(path.read_bytes()))
    except KeyError as error:
        raise ModelMissing(f"{path} cannot be used: it has no {error.args[0]}") from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ModelMissing(f"{path} cannot be used: {error}") from error


def _voice(graph: Path, said: dict[str, Any]) -> VoiceConfig:
    kind = said.get("phoneme_type", _PHONEME_TYPE)
    if kind != _PHONEME_TYPE:
        raise ValueError(f"its phonemes are {kind!r}, only those of espeak-ng are known")
    inference = said["inference"]
    described: dict[str, Any] = said.get("language") or {}
    language = str(described.get("code") or said["espeak"]["voice"])
    rate_hz = int(said["audio"]["sample_rate"])
    if rate_hz not in _RATES_HZ:
        raise ValueError(f"a rate of {rate_hz} Hz")
    return VoiceConfig(
        voice_id=_as_id(graph.stem),
        path=graph,
        name=graph.stem,
        language=language.replace("_", "-"),
        espeak_voice=str(said["espeak"]["voice"]),
        sample_rate_hz=rate_hz,
        length_scale=float(inference["length_scale"]),
        phonemes=_phonemes(said["phoneme_id_map"], int(said["num_symbols"])),
        speakers=_speakers(said),
        licence=_licence(graph.parent),
    )


def _phonemes(table: Mapping[str, Any], n_symbols: int) -> dict[str, tuple[int, ...]]:
    phonemes = {phoneme: tuple(int(i) for i in ids) for phoneme, ids in table.items()}
    if missing := [mark for mark in (PAD, BEGIN, END) if not phonemes.get(mark)]:
        raise ValueError(f"its phonemes have no {missing[0]!r}")
    if any(not 0 <= i < n_symbols for ids in phonemes.values() for i in ids):
        raise ValueError(f"it has {n_symbols} symbols, and phonemes beyond them")
    return phonemes


def _speakers(said: Mapping[str, Any]) -> dict[str, int]:
    n_speakers = int(said.get("num_speakers") or 1)
    if n_speakers < 2:
        return {}
    names: dict[str, int] = said.get("speaker_id_map") or {}
    named = {_as_id(name): int(i) for name, i in names.items()}
    if any(not 0 <= i < n_speakers for i in named.values()):
        raise ValueError(f"it has {n_speakers} speakers, and names beyond them")
    return named or {str(i): i for i in range(n_speakers)}


def _as_id(name: str) -> str:
    """A name in letters that an id may have (`tugão` → `tugao`)."""
    plain = "".join(ch for ch in unicodedata.normalize("NFKD", name) if not _is_accent(ch))
    return _NOT_OF_IDS.sub("_", plain)[:_MAX_ID_CHARS] or "voice"


def _is_accent(character: str) -> bool:
    return unicodedata.category(character) == "Mn"


def _licence(folder: Path) -> str:
    """The lines of the model card on the licence and on what the voice was made of."""
    try:
        with (folder / "MODEL_CARD").open(encoding="utf-8", errors="replace") as card:
            text = card.read(_MAX_BYTES)
    except OSError:
        return ""
    licence = re.search(r"^\W*licen[cs]e\W+(.+)$", text, re.IGNORECASE | re.MULTILINE)
    tuned = re.search(r"^\W*(fine-?tuned from .+)$", text, re.IGNORECASE | re.MULTILINE)
    said = [f"recordings: {licence[1].strip()}"] if licence else []
    if tuned:
        line = tuned[1].strip().rstrip(".")
        said.append(line[0].lower() + line[1:])
        if "lessac" in line.lower():
            said.append("whose corpus (Blizzard 2013) has a licence for research")
    return ", ".join(said)
