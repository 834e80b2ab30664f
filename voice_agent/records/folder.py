"""A folder of records: a file is there whole or not at all, and its owner's alone."""

import os
from datetime import datetime
from pathlib import Path

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def open_folder(folder: Path) -> None:
    """Makes a folder, if there is none.

    Raises:
        OSError: There can be none, or it cannot be written to.
    """
    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    probe = folder / f".probe-{os.getpid()}"
    probe.touch(_PRIVATE_FILE)
    probe.unlink()


def name_of(began: datetime, record_id: str) -> str:
    """A name without ending; in the order of names conversations are in their own."""
    return f"{began:%Y%m%dT%H%M%SZ}-{record_id}"


def write(path: Path, data: bytes) -> None:
    """Makes a file in one step; returns when it is on the disk.

    Raises:
        OSError: It could not be written; nothing is left of it.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
        with os.fdopen(made, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
