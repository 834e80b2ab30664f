"""Brings a model onto this machine.

Files gather in `models.dir/.partial/NAME/REVISION`. When all are there and checked, the
manifest is written and the whole folder is renamed to `models.dir/NAME`, so that at no
moment, whatever ends the process, half a model has a model's name.
"""

import errno
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from voice_agent.errors import PullFailed
from voice_agent.settings import Settings
from voice_agent.weights.hub import Hub, Listing
from voice_agent.weights.lock import alone
from voice_agent.weights.manifest import Manifest, ModelFile, read_manifest, write_manifest
from voice_agent.weights.names import Weights
from voice_agent.weights.store import folder_of, is_complete, partial_of, size_of
from voice_agent.weights.transfer import Patience, Transfer, is_right

_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pull is.

    Attributes:
        doing: What is done now, for people: a file's name, or a few words.
        done_bytes: Of the whole model, what was here before included.
        total_bytes: Of the whole model.
    """

    doing: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A file of a plan, and how much of it is here."""

    path: str
    n_bytes: int
    here_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a pull would do.

    Attributes:
        weights: The model.
        revision: The commit that the hub is at.
        folder: Where the model will be.
        files: All its files.
    """

    weights: Weights
    revision: str
    folder: Path
    files: tuple[PlannedFile, ...]

    @property
    def total_bytes(self) -> int:
        """The model's size."""
        return sum(file.n_bytes for file in self.files)

    @property
    def fetch_bytes(self) -> int:
        """What would be downloaded."""
        return self.total_bytes - sum(file.here_bytes for file in self.files)


def plan(weights: Weights, settings: Settings) -> Plan:
    """What a pull would do; asks the hub, and writes nothing.

    Raises:
        PullFailed: The hub cannot be asked, or has no such model.
    """
    listing = Hub(settings).listing(weights)
    return _plan(weights, listing, folder_of(weights, settings))


def pull(
    weights: Weights,
    settings: Settings,
    *,
    on_progress: Callable[[Progress], None],
    patience: Patience | None = None,
) -> Path:
    """Brings a model onto this machine, or what is missing of it; returns its folder.

    May be interrupted at any moment, also by a kill: the next call goes on at the byte where
    it stopped. A second call meanwhile, from any process, waits for the first.

    Args:
        weights: What to bring.
        settings: `models`.
        on_progress: Called often, from this thread.
        patience: With a bad connection; None is half a minute.

    Raises:
        PullFailed: It could not be brought; the message says why and how to go on. A model
            that was there before is still there.
    """
    patience = patience or Patience()
    hub = Hub(settings, patience.silence_s)
    listing = hub.listing(weights)
    folder = folder_of(weights, settings)
    told = _Told(total_bytes=sum(f.n_bytes for f in listing.files), on_progress=on_progress)
    with (
        _writable(folder),
        alone(partial_of(folder), lambda: told.tell("waiting for another pull of it", 0)),
    ):
        if _is_current(folder, listing):
            told.tell("is here already", told.total_bytes)
            return folder
        staging = _staging(folder, listing)
        _check_room(_plan(weights, listing, folder))
        transfer = Transfer(
            hub=hub,
            weights=weights,
            listing=listing,
            folder=staging,
            patience=patience,
            tell=told.tell,
        )
        _gather(transfer, folder, told)
        _install(staging, folder, transfer)
    return folder


@dataclass(slots=True)
class _Told:
    """Adds the bytes of finished files to what is told about the current one."""

    total_bytes: int
    on_progress: Callable[[Progress], None]
    finished_bytes: int = field(default=0)

    def tell(self, doing: str, file_bytes: int) -> None:
        done_bytes = min(self.finished_bytes + file_bytes, self.total_bytes)
        self.on_progress(Progress(doing=doing, done_bytes=done_bytes, total_bytes=self.total_bytes))


def _plan(weights: Weights, listing: Listing, folder: Path) -> Plan:
    staging = partial_of(folder) / listing.revision
    files = tuple(
        PlannedFile(path=f.path, n_bytes=f.n_bytes, here_bytes=_here_bytes(f, folder, staging))
        for f in listing.files
    )
    return Plan(weights=weights, revision=listing.revision, folder=folder, files=files)


def _here_bytes(file: ModelFile, folder: Path, staging: Path) -> int:
    """How much of a file need not be downloaded, as far as sizes tell."""
    if file.n_bytes in (size_of(folder / file.path), size_of(staging / file.path)):
        return file.n_bytes
    return min(size_of(staging / f"{file.path}.part"), file.n_bytes)


def _is_current(folder: Path, listing: Listing) -> bool:
    """Whether a folder has what the hub has; a new commit to other files changes nothing."""
    if not folder.is_dir() or not is_complete(folder):
        return False
    manifest = read_manifest(folder)
    return manifest is not None and manifest.files == listing.files


def _staging(folder: Path, listing: Listing) -> Path:
    """The folder to gather in; parts of other revisions are of no use any more."""
    staging = partial_of(folder) / listing.revision
    staging.mkdir(parents=True, exist_ok=True)
    for other in staging.parent.iterdir():
        if other != staging:
            shutil.rmtree(other)
    return staging


def _check_room(planned: Plan) -> None:
    free_bytes = shutil.disk_usage(planned.folder.parent).free
    if free_bytes < planned.fetch_bytes:
        raise PullFailed(
            f"{planned.weights.name} needs {planned.fetch_bytes / _MB:.0f} MB more, but only"
            f" {free_bytes / _MB:.0f} MB are free for {planned.folder.parent}; make room, or set"
            " models.dir"
        )


def _gather(transfer: Transfer, folder: Path, told: _Told) -> None:
    """Brings all files together, from here as far as they are here."""
    for file in transfer.listing.files:
        if not is_right(transfer.folder / file.path, file) and not _taken_over(
            folder / file.path, transfer.folder / file.path, file
        ):
            transfer.fetch(file)
        told.finished_bytes += file.n_bytes


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


def _install(staging: Path, folder: Path, transfer: Transfer) -> None:
    manifest = Manifest(
        name=transfer.weights.name,
        repository=transfer.weights.repository,
        revision=transfer.listing.revision,
        files=transfer.listing.files,
    )
    write_manifest(staging, manifest)
    if folder.is_dir():
        # between the two renames nothing is there; the next pull has only the second to do
        folder.rename(staging.with_name("old"))
    staging.rename(folder)
    shutil.rmtree(staging.parent)


@contextmanager
def _writable(folder: Path) -> Generator[None]:
    """Says in one sentence what the disk refuses."""
    try:
        yield
    except OSError as error:
        where = folder.parent
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PullFailed(
                f"the disk of {where} is full; make room and run the command again, and it goes"
                " on where it stopped"
            ) from error
        detail = (error.strerror or str(error)).lower()
        raise PullFailed(
            f"cannot write models to {where} ({detail}); put that right, or set models.dir"
        ) from error
