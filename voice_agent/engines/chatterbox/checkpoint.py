"""Which files of a checkpoint folder are there, and what identifies them.

Knows nothing of torch: `doctor` and `auto` ask without loading anything.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voice_agent.engines.chatterbox.spec import SPECS, EngineSpec
from voice_agent.errors import ModelMissing

_OPTIONAL = frozenset({"voice", "cangjie"})
_HASHED_BYTES = 1 << 20  # of the start and the end of each file: a hash of 3 GB would take 10 s


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFiles:
    """A folder with all that a model needs.

    Attributes:
        spec: Which model it is.
        folder: Where it is.
        parts: Path of each part that is there (`t3`, `s3gen`, `ve`, `text`, `voice`,
            `cangjie`).
    """

    spec: EngineSpec
    folder: Path
    parts: dict[str, Path]

    def digest(self) -> str:
        """16 hex digits that change when any weight file is replaced.

        Made from each part's size and the first and last MiB of it: weights that differ
        only in between are taken for the same.
        """
        digest = hashlib.sha256()
        for part, path in sorted(self.parts.items()):
            if part not in _OPTIONAL:
                digest.update(f"{part} {path.stat().st_size} ".encode())
                digest.update(_ends(path))
        return digest.hexdigest()[:16]


def find_checkpoint(folder: Path, variant: str = "auto") -> CheckpointFiles:
    """Finds the parts of a model in a folder, `.safetensors` before `.pt`.

    Args:
        folder: Where the files are, under their published names.
        variant: A name of `SPECS`, or `auto` for the first whose files are all there.

    Raises:
        ModelMissing: The folder or files of it are not there; the message says which.
    """
    if not folder.is_dir():
        raise ModelMissing(f"there is no folder {folder} with Chatterbox weights")
    specs = SPECS.values() if variant == "auto" else [SPECS[variant]]
    missing: list[str] = []
    for spec in specs:
        parts = dict(_parts(folder, spec))
        absent = [part for part in spec.files if part not in parts and part not in _OPTIONAL]
        if not absent:
            return CheckpointFiles(spec=spec, folder=folder, parts=parts)
        missing.append(f"{spec.name} lacks {', '.join(spec.files[part][0] for part in absent)}")
    raise ModelMissing(f"{folder} holds no whole Chatterbox model: {'; '.join(missing)}")


def _parts(folder: Path, spec: EngineSpec) -> Iterator[tuple[str, Path]]:
    for part, names in spec.files.items():
        for name in names:
            if (folder / name).is_file():
                yield part, folder / name
                break


def _ends(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_HASHED_BYTES)
        file.seek(max(size - _HASHED_BYTES, len(start)))
        return start + file.read()
