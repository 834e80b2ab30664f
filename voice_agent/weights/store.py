"""Where models lie, and whether they are whole. Nothing here touches the network.

A model is a folder of `models.dir` with its name. What is being pulled lies in `.partial`
beside them until all of it is there and checked, so a folder with a model's name is whole
unless somebody has changed it.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from voice_agent.errors import ModelMissing, UnknownModel
from voice_agent.settings import Settings
from voice_agent.weights.manifest import Manifest, read_manifest
from voice_agent.weights.names import (
    CHATTERBOX,
    KNOWN,
    WHISPER,
    Family,
    Weights,
    gguf_of,
    is_repository,
    piper_voice,
    resolve,
    same_weights,
    voice_of,
)

PARTIAL = ".partial"
_SETTING: dict[Family, str] = {
    "whisper": "asr.model",
    "chatterbox": "tts.model",
    "piper": "tts.model",
    "gguf": "the name",
}
_ANY_WHISPER = WHISPER["base"]  # all have the same files


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A model on this machine.

    Attributes:
        name: What `model_folder` finds it by.
        family: Which engine runs it.
        folder: Where it lies.
        n_bytes: All its files together.
        revision: The commit it was pulled at; empty for a folder copied by hand.
        source: What brought it, for people; empty where that is not known.
        licence: What may be done with it, for people; empty where that is not known.
        why_incomplete: What is wrong with it, or empty.
    """

    name: str
    family: Family
    folder: Path
    n_bytes: int
    revision: str
    source: str
    licence: str
    why_incomplete: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What an interrupted pull has left, for the next one to go on with."""

    name: str
    n_bytes: int


def models_dir(settings: Settings) -> Path:
    """Where models are kept; it need not exist."""
    return settings.models.dir or settings.data_dir / "models"


def model_folder(name_or_path: str, family: Family, settings: Settings) -> Path:
    """Folder with a complete model.

    Args:
        name_or_path: A folder (it exists, or has a separator in it) is taken as it is;
            any other is the name of a model, looked up in `models.dir`.
        family: What it has to be.
        settings: Say where models are kept.

    Raises:
        ModelMissing: It is not there, or not whole. The message says where it was looked
            for and what to do.
        UnknownModel: Nothing of the family has this name.
    """
    path = Path(name_or_path).expanduser()
    if path.exists() or (os.sep in name_or_path and not is_repository(name_or_path)):
        if not path.is_dir():
            raise ModelMissing(f"there is no model folder {path}; check {_SETTING[family]}")
        if reason := _why_not(path, family):
            raise ModelMissing(f"the model in {path} cannot be used: {reason}; copy it there again")
        return path
    by_hand = models_dir(settings) / folder_name(name_or_path)
    folder = by_hand if by_hand.is_dir() else _pulled(name_or_path, family, settings)
    if not folder.is_dir():
        looked = f"{path} and {folder}" if os.sep in name_or_path else str(folder)
        missing = f"model {name_or_path} is not on this machine (looked for {looked})"
        raise ModelMissing(f"{missing}; {_way_out(name_or_path, folder, settings)}")
    if reason := _why_not(folder, family):
        damaged = f"model {name_or_path} in {folder} cannot be used: {reason}"
        raise ModelMissing(f"{damaged}; {_way_out(name_or_path, folder, settings)}")
    return folder


def _pulled(name: str, family: Family, settings: Settings) -> Path:
    weights = resolve(name)
    if weights.family != family:
        raise UnknownModel(f"{name} is a model of {weights.family}; check {_SETTING[family]}")
    return folder_of(weights, settings)


def _why_not(folder: Path, family: Family) -> str:
    weights = weights_in(folder)
    if weights.family != family:
        return f"it is a model of {weights.family}"
    return why_incomplete(folder)


def _way_out(name: str, folder: Path, settings: Settings) -> str:
    if settings.models.offline:
        return f"nothing is downloaded (models.offline), so copy the model's folder to {folder}"
    return f"run: voice-agent models pull {name}"


def folder_name(name: str) -> str:
    """The folder of a name; a repository's has no separator in it."""
    return name.replace("/", "--")


def folder_of(weights: Weights, settings: Settings) -> Path:
    """Where a model lies, or would; another name for the same weights is found too."""
    folders = [models_dir(settings) / folder_name(name) for name in same_weights(weights)]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def partial_of(folder: Path) -> Path:
    """Where the parts of a model are gathered until it is whole."""
    return folder.parent / PARTIAL / folder.name


def is_complete(folder: Path) -> bool:
    """Whether a folder has a whole model."""
    return not why_incomplete(folder)


def weights_in(folder: Path) -> Weights:
    """Which model a folder has, by its name, or else by its files."""
    name = _name_of(folder)
    if known := KNOWN.get(name) or piper_voice(name):
        return known
    names = _names_in(folder)
    if by_files := voice_of(names) or gguf_of(names):
        return by_files
    of_chatterbox = (w for w in CHATTERBOX.values() if not _lacking(w, names))
    return next(of_chatterbox, _ANY_WHISPER)


def why_incomplete(folder: Path) -> str:
    """What a folder lacks as a model, or an empty string.

    Files are there, not empty, and as large as when they were pulled. Their contents are
    not read again: that takes seconds for a large model.
    """
    weights = weights_in(folder)
    if lacking := missing_of(weights, _names_in(folder)):
        return f"it has no {lacking}"
    if left := [path.name for path in folder.iterdir() if path.suffix in (".part", ".incomplete")]:
        return f"{left[0]} is left of an unfinished download"
    try:
        manifest = read_manifest(folder)
    except ValueError as error:
        return str(error)
    return _wrong_size(folder, weights, manifest)


def _wrong_size(folder: Path, weights: Weights, manifest: Manifest | None) -> str:
    for name in (name for names in weights.needed for name in names):
        if (folder / name).is_file() and not size_of(folder / name):
            return f"{name} is empty"
    for file in manifest.files if manifest else ():
        n_bytes = size_of(folder / file.path)
        if n_bytes != file.n_bytes:
            return f"{file.path} has {n_bytes} bytes instead of {file.n_bytes}"
    return ""


def missing_of(weights: Weights, names: Collection[str]) -> str:
    """What a list of file names lacks to be the model, or an empty string."""
    return next((" or ".join(group) for group in _lacking(weights, names)), "")


def _lacking(weights: Weights, names: Collection[str]) -> list[tuple[str, ...]]:
    return [group for group in weights.needed if not set(group) & set(names)]


def _names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_file()]


def installed(settings: Settings) -> list[Installed]:
    """The models on this machine, also those that are not whole, by name."""
    return [look(folder) for folder in _folders(models_dir(settings))]


def look(folder: Path) -> Installed:
    """What there is in the folder of a model."""
    try:
        manifest = read_manifest(folder)
    except ValueError:
        manifest = None
    weights = weights_in(folder)
    name = _name_of(folder)
    return Installed(
        name=name,
        family=weights.family,
        folder=folder,
        n_bytes=_bytes_in(folder),
        revision=manifest.revision if manifest else "",
        source=manifest.source if manifest else "",
        # a folder of any other name may hold anything
        licence=weights.licence if name in (weights.name, *KNOWN) else "",
        why_incomplete=why_incomplete(folder),
    )


def unfinished(settings: Settings) -> list[Unfinished]:
    """What interrupted pulls have left, by name."""
    folders = _folders(models_dir(settings) / PARTIAL)
    return [Unfinished(name=_name_of(folder), n_bytes=_bytes_in(folder)) for folder in folders]


def removable_bytes(name: str, settings: Settings) -> int:
    """What `remove` would free.

    Raises:
        ModelMissing: There is nothing of this name.
    """
    found = _removable(name, settings)
    if not found:
        raise ModelMissing(f"there is no model {name} in {models_dir(settings)}")
    return sum(_bytes_in(folder) for folder in found)


def remove(name: str, settings: Settings) -> None:
    """Removes a model, and what an interrupted pull has left of it.

    Hold `lock.alone` for it: a pull may be running.
    """
    folder = models_dir(settings) / folder_name(name)
    partial = partial_of(folder)
    for found in _removable(name, settings):
        if found == folder:
            # out of sight first: half a folder must not be taken for a model
            shutil.rmtree(partial / "old", ignore_errors=True)
            partial.mkdir(parents=True, exist_ok=True)
            folder.rename(partial / "old")
    shutil.rmtree(partial, ignore_errors=True)


def _removable(name: str, settings: Settings) -> list[Path]:
    """The folders of a name; looked up, not put together, so that no name leads elsewhere."""
    parents = (models_dir(settings), models_dir(settings) / PARTIAL)
    key = folder_name(name)
    return [folder for parent in parents for folder in _folders(parent) if folder.name == key]


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _name_of(folder: Path) -> str:
    return folder.name.replace("--", "/", 1)


def _bytes_in(folder: Path) -> int:
    return sum(size_of(path) for path in folder.rglob("*") if path.is_file())


def _folders(parent: Path) -> Iterator[Path]:
    if not parent.is_dir():
        return
    for path in sorted(parent.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            yield path
