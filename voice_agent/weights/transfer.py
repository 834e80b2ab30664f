"""Files of a model from the hub: fetched, taken up again where they broke off, checked."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from voice_agent.errors import PullFailed
from voice_agent.weights.hub import SILENCE_S, Dropped, Hub
from voice_agent.weights.manifest import Listing, ModelFile, is_right
from voice_agent.weights.names import Weights
from voice_agent.weights.store import size_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a pull puts up with a bad connection.

    Attributes:
        silence_s: A connection that brings nothing for this long is given up.
        waits_s: Before each new try. They start again whenever more of the file has come,
            so a transfer ends only when nothing came through in all of them.
    """

    silence_s: float = SILENCE_S
    waits_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Fetches the files of one model into a folder.

    Attributes:
        hub: Where from.
        weights: The model.
        listing: What it consists of.
        folder: Where to; it exists, and no other process writes there.
        patience: With a bad connection.
        tell: Called with a sentence and the bytes of the current file, often.
    """

    hub: Hub
    weights: Weights
    listing: Listing
    folder: Path
    patience: Patience
    tell: Callable[[str, int], None]

    @property
    def where(self) -> str:
        """The hub, by its address."""
        return f"the model hub at {self.hub.address}"

    def extra_bytes(self, wanted: Sequence[ModelFile]) -> int:
        """None: parts of files lie where the files will."""
        del wanted
        return 0

    def begin(self, wanted: Sequence[ModelFile]) -> None:
        """Asks for a pinned model, before anything is fetched: what is not pinned was asked for.

        Raises:
            PullFailed: The hub cannot be reached, or has other files than the pinned ones.
        """
        if self.weights.pins is None:
            return
        self.tell("asking the model hub", 0)
        has = {file.path: file for file in self.hub.listing(self.weights).files}
        for file in wanted:
            if _contradicts(has.get(file.path), file):
                raise PullFailed(
                    f"{file.path} of {self.weights.name} at {self.hub.address} is not the official"
                    " file (another size or sha256) and is not used"
                )

    def fetch(self, file: ModelFile) -> None:
        """Brings a file into the folder; a call after an interruption goes on with it.

        Raises:
            PullFailed: The connection stays away, and what has come is kept; or the file is
                not what the hub says it is, and it is removed.
            OSError: It cannot be written.
        """
        part = self.folder / f"{file.path}.part"
        self._complete(part, file)
        self.tell(f"checking {file.path}", file.n_bytes)
        if not is_right(part, file):
            part.unlink()
            raise PullFailed(
                f"{file.path} of {self.weights.name} has another checksum or size than"
                f" {self.hub.address} says and was removed; run the command again, and if that"
                " does not help, something on the way changes files"
            )
        os.replace(part, self.folder / file.path)

    def _complete(self, part: Path, file: ModelFile) -> None:
        most_bytes = have_bytes = size_of(part)
        waits_s = iter(self.patience.waits_s)
        while have_bytes < file.n_bytes or not part.exists():
            try:
                self._append(part, file, have_bytes)
            except Dropped as error:
                if size_of(part) > most_bytes:
                    most_bytes = size_of(part)
                    waits_s = iter(self.patience.waits_s)
                self._wait(waits_s, error, part)
            have_bytes = size_of(part)

    def _wait(self, waits_s: Iterator[float], error: Dropped, part: Path) -> None:
        wait_s = next(waits_s, None)
        if wait_s is None:
            raise PullFailed(
                f"the connection to {self.hub.address} broke off and did not come back"
                f" ({error.message}); what has come is kept, so run the command again later and"
                " it goes on there"
            ) from error
        self.tell(f"connection lost, trying again in {wait_s:g} s", size_of(part))
        time.sleep(wait_s)

    def _append(self, part: Path, file: ModelFile, have_bytes: int) -> None:
        """Adds what is missing to a part, as much of it as comes."""
        body = self.hub.body(self.weights, self.listing.revision, file.path, have_bytes)
        with body as (start_byte, pieces), part.open("ab") as out:
            out.truncate(start_byte)
            for piece in pieces:
                out.write(piece)
                # what has come is worth more than a system call: it may be the last piece
                out.flush()
                self.tell(file.path, out.tell())
                if out.tell() > file.n_bytes:
                    return
            os.fsync(out.fileno())
            if out.tell() < file.n_bytes:
                raise Dropped("the hub ended the transfer early")


def _contradicts(stated: ModelFile | None, pinned: ModelFile) -> bool:
    """Whether the hub has another file. It states no sha256 of small ones: these are checked
    when they are here."""
    if stated is None or stated.n_bytes != pinned.n_bytes:
        return True
    return stated.digest.startswith("sha256:") and stated.digest != pinned.digest
