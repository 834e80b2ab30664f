"""Progress of a download on stderr: a bar on a terminal, now and then a line elsewhere."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
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


@contextmanager
def download_progress(name: str) -> Generator[Callable[["Progress"], None]]:
    """Shows how far a download is; gives what is to be told."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(name).tell
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
        task = bar.add_task(name, total=None, doing="asking the hub")

        def tell(progress: "Progress") -> None:
            bar.update(
                task,
                completed=progress.done_bytes,
                total=progress.total_bytes,
                doing=progress.doing,
            )

        yield tell


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
