"""What a model consists of, and the file that says so, which is written last."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

MANIFEST = "voice-agent.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A file of a model.

    Attributes:
        path: Its name; models have no subfolders.
        n_bytes: Its size.
        digest: "sha256:…", or "git-sha1:…" where the hub states no other; empty if it
            states none.
    """

    path: str
    n_bytes: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a model consists of, as the hub says now or as it is pinned.

    Attributes:
        revision: The commit; files of it never change.
        files: Those that are needed, by name.
    """

    revision: str
    files: tuple[ModelFile, ...]

    @property
    def total_bytes(self) -> int:
        """The model's size."""
        return sum(file.n_bytes for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What was pulled.

    Attributes:
        name: The model's name.
        repository: Whose model it is.
        revision: The commit it was at.
        files: All files but the manifest itself.
        source: What brought it, for people; empty in manifests of older versions.
    """

    name: str
    repository: str
    revision: str
    files: tuple[ModelFile, ...]
    source: str = ""


_ADAPTER = TypeAdapter(Manifest)


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none, as in a folder copied by hand.

    Raises:
        ValueError: There is one, but it cannot be read.
    """
    try:
        return _ADAPTER.validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ValueError(f"{MANIFEST} cannot be read") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest; do this last."""
    (folder / MANIFEST).write_bytes(_ADAPTER.dump_json(manifest, indent=2) + b"\n")


def is_right(path: Path, file: ModelFile) -> bool:
    """Whether a file has the size and the digest that it should have."""
    return (
        path.is_file()
        and path.stat().st_size == file.n_bytes
        and digest_of(path, file.digest) == file.digest
    )


def digest_of(path: Path, like: str) -> str:
    """The digest of a file, of the kind that another digest has; empty if that is empty."""
    kind = like.partition(":")[0]
    if not kind:
        return ""
    if kind == "sha256":
        state = hashlib.sha256()
    else:
        # git hashes a small header with the contents; it protects against damage, not malice
        state = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            state.update(block)
    return f"{kind}:{state.hexdigest()}"
