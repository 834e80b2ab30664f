"""Files that are there whole or not at all, and one writer at a time among all processes."""

import fcntl
import os
import shutil
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from voice_agent.errors import EngineUnavailable

WORK = ".work"
"""Folder beside the voices: what is being written, and what is being thrown away. Whoever
holds the lock may empty it, for nobody else is at work."""

_LOCK = ".lock"
_LOCK_TIMEOUT_S = 20.0  # writing a voice takes milliseconds, on a slow disk a second
_POLL_S = 0.01
_PRIVATE = 0o700  # voices are personal data


@contextmanager
def locked(root: Path) -> Generator[Path]:
    """Holds a store for this thread; the system lets go when the process ends, however.

    Yields:
        The empty work folder.

    Raises:
        EngineUnavailable: Somebody else has held it for too long.
        OSError: The folder cannot be written to.
    """
    work = root / WORK
    root.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    work.mkdir(mode=_PRIVATE, exist_ok=True)
    deadline_s = time.monotonic() + _LOCK_TIMEOUT_S
    # the file stays: removing it would let two processes hold two files of the same name
    with (root / _LOCK).open("a") as file:
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline_s:
                raise EngineUnavailable(
                    "another process is writing voices, try again", retry_after_ms=2000
                )
            time.sleep(_POLL_S)
        for left in work.iterdir():
            _delete(left)
        yield work


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def publish_folder(work: Path, files: Mapping[str, bytes], target: Path) -> None:
    """Makes a folder that is nowhere until all of it is on the disk."""
    folder = Path(mkdtemp(dir=work))
    for name, data in files.items():
        _write(folder / name, data)
    _sync(folder)
    folder.rename(target)
    _sync(target.parent)


def publish_file(work: Path, data: bytes, target: Path) -> None:
    """Makes or replaces a file; its folder has to be there."""
    made = work / target.name
    _write(made, data)
    made.replace(target)
    _sync(target.parent)


def retire(work: Path, folder: Path) -> None:
    """Takes a folder away in one step, then deletes it."""
    gone = work / f"{folder.name}.gone"
    folder.rename(gone)
    _sync(folder.parent)
    _delete(gone)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Puts the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
