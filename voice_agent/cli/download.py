"""Progress of a download on stderr: a bar on a terminal, now and then a line elsewhere."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from voice_agent.weights.pull import Progress

_MB = 1_000_000
# lines in a log, not on a terminal
_LINES = 10


class Shown(Protocol):
    """What a download tells people."""

    def tell(self, progress: "Progress") -> None:
        """How far it is."""
        ...

    def refused(self, why: str) -> None:
        """A source failed; another is tried."""
        ...


@contextmanager
def download_progress(name: str) -> Generator[Shown]:
    """Shows how far a download is; gives what is to be told."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(name)
        return
    # stdout is for the result alone, also while the bar is there
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[doing]}"),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bar:
        task = bar.add_task(name, total=None, doing="looking for it")
        yield _Moving(name, bar, task)


class _Moving:
    """A bar that moves."""

    def __init__(self, name: str, bar: Bar, task: TaskID) -> None:
        self._name = name
        self._bar = bar
        self._task = task

    def tell(self, progress: "Progress") -> None:
        self._bar.update(
            self._task,
            completed=progress.done_bytes,
            total=progress.total_bytes,
            doing=progress.doing,
        )

    def refused(self, why: str) -> None:
        self._bar.console.print(_refusal(self._name, why), markup=False, highlight=False)


class _Lines:
    """The same in a log: a line for each tenth, and for what is not simply going on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tenth = -1
        self._doing = ""

    def tell(self, progress: "Progress") -> None:
        tenth = _LINES * progress.done_bytes // max(1, progress.total_bytes)
        # file names have no spaces, sentences have
        news = " " in progress.doing and progress.doing != self._doing
        self._doing = progress.doing
        if tenth > self._tenth or news:
            self._tenth = max(tenth, self._tenth)
            done, total = progress.done_bytes / _MB, progress.total_bytes / _MB
            line = f"{self._name}: {done:.1f} of {total:.1f} MB, {progress.doing}"
            typer.echo(line, err=True)

    def refused(self, why: str) -> None:
        typer.echo(_refusal(self._name, why), err=True)


def _refusal(name: str, why: str) -> str:
    return f"{name}: {why}; trying another source"
