"""The folder where the files of a model gather until it is whole."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from voice_agent.errors import PullFailed
from voice_agent.weights.manifest import (
    Listing,
    Manifest,
    ModelFile,
    is_right,
    read_manifest,
    write_manifest,
)
from voice_agent.weights.names import Weights
from voice_agent.weights.store import is_complete, partial_of, size_of

_MB = 1_000_000
_WHEELS = "wheels"


class NoRoom(PullFailed):
    """The disk is too small; another source would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """What is there of a model while it comes; hold the lock of it.

    Attributes:
        weights: The model.
        listing: What it consists of.
        folder: Where it will be, and may be now, old or damaged.
    """

    weights: Weights
    listing: Listing
    folder: Path

    @property
    def staging(self) -> Path:
        """Where its files gather."""
        return partial_of(self.folder) / self.listing.revision

    @property
    def wheels(self) -> Path:
        """Where wheels with its files gather, if it comes in wheels."""
        return partial_of(self.folder) / _WHEELS

    def is_done(self) -> bool:
        """Whether the model is there already; a new commit to other files changes nothing."""
        if not self.folder.is_dir() or not is_complete(self.folder):
            return False
        manifest = read_manifest(self.folder)
        return manifest is not None and _by_name(manifest.files) == _by_name(self.listing.files)

    def is_official(self) -> bool:
        """Whether the folder has all files as they should be, however they came; reads them."""
        return self.folder.is_dir() and all(
            is_right(self.folder / file.path, file) for file in self.listing.files
        )

    def prepare(self) -> None:
        """Makes the folders; parts of other revisions are of no use any more."""
        self.staging.mkdir(parents=True, exist_ok=True)
        for other in self.staging.parent.iterdir():
            if other not in (self.staging, self.wheels):
                shutil.rmtree(other)

    def here_bytes(self, file: ModelFile) -> int:
        """How much of a file need not come, as far as sizes tell."""
        sizes = (size_of(self.folder / file.path), size_of(self.staging / file.path))
        if file.n_bytes in sizes:
            return file.n_bytes
        return min(size_of(self.staging / f"{file.path}.part"), file.n_bytes)

    def check_room(self, extra_bytes: int) -> None:
        """Raises `NoRoom` if what is missing, and this much besides, does not fit."""
        missing_bytes = self.listing.total_bytes - sum(map(self.here_bytes, self.listing.files))
        need_bytes = missing_bytes + extra_bytes
        where = self.folder.parent
        free_bytes = shutil.disk_usage(where).free
        if free_bytes < need_bytes:
            raise NoRoom(
                f"{self.weights.name} needs {need_bytes / _MB:.0f} MB more, but only"
                f" {free_bytes / _MB:.0f} MB are free for {where}; make room, or set models.dir"
            )

    def wanted(self) -> list[ModelFile]:
        """The files that have to come; others are taken from the folder as far as they are."""
        return [file for file in self.listing.files if not self._is_here(file)]

    def _is_here(self, file: ModelFile) -> bool:
        new = self.staging / file.path
        return is_right(new, file) or _taken_over(self.folder / file.path, new, file)

    def install(self, source: str) -> None:
        """Gives the whole model its name.

        Args:
            source: What brought it, for people.
        """
        manifest = Manifest(
            name=self.weights.name,
            repository=self.weights.repository,
            revision=self.listing.revision,
            files=self.listing.files,
            source=source,
        )
        write_manifest(self.staging, manifest)
        if self.folder.is_dir():
            # between the two renames nothing is there; the next pull has only the second to do
            self.folder.rename(self.staging.with_name("old"))
        self.staging.rename(self.folder)
        shutil.rmtree(partial_of(self.folder))


def _taken_over(old: Path, new: Path, file: ModelFile) -> bool:
    """Uses a file of the model that is there now, which is damaged, old, or came by hand."""
    new.unlink(missing_ok=True)
    if not old.is_file() or not is_right(old, file):
        return False
    try:
        os.link(old, new)
    except OSError:  # not every file system has links
        shutil.copyfile(old, new)
    return True


def _by_name(files: tuple[ModelFile, ...]) -> list[ModelFile]:
    return sorted(files, key=lambda file: file.path)
