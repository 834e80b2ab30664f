"""Progress over audio, on stderr and only on a terminal."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text


class _Seconds(ProgressColumn):
    """Seconds done of all, and how much faster than real time."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f" of {task.total:.0f}"
        elapsed_s = task.elapsed or 0.0
        speed = f"  {task.completed / elapsed_s:.1f}× real time" if elapsed_s > 0 else ""
        return Text(f"{task.completed:.0f}{total} s{speed}")


@contextmanager
def audio_progress(path: Path) -> Generator[Callable[[float], None]]:
    """Shows a bar for a file; gives what is to be told the seconds that are done."""
    console = Console(stderr=True)
    # stdout is for the text alone, also while the bar is there
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _Seconds(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(path.name, total=duration_s(path) if console.is_terminal else None)
        yield lambda seconds: bar.update(task, completed=seconds)


def duration_s(path: Path) -> float | None:
    """What the file says about its length; None if it says nothing."""
    try:
        with av.open(str(path)) as container:
            return None if container.duration is None else container.duration / av.time_base
    except (av.error.FFmpegError, OSError):
        return None
