"""One at a time: pulls and removals of the same model, also from several processes."""

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from voice_agent.errors import PullFailed

_POLL_S = 0.2
# a 3 GB model at 1 MB/s
WAIT_S = 3600.0


@contextmanager
def alone(partial: Path, on_wait: Callable[[], None], wait_s: float = WAIT_S) -> Generator[int]:
    """Holds a model for this process; the system lets go when the process ends, however.

    Gives the file descriptor of the lock. A child process that inherits it holds the model
    too, until it ends.

    Args:
        partial: Where the parts of the model are gathered.
        on_wait: Called once if another process has it.
        wait_s: How long to wait for that.

    Raises:
        PullFailed: The other still has it after that.
    """
    partial.parent.mkdir(parents=True, exist_ok=True)
    deadline_s = time.monotonic() + wait_s
    waited = False
    # the file stays: removing it would let two processes hold two files of the same name
    with partial.with_name(f"{partial.name}.lock").open("w") as file:
        while not _taken(file.fileno()):
            if not waited:
                on_wait()
                waited = True
            if time.monotonic() >= deadline_s:
                raise PullFailed(f"another process has been pulling {partial.name} for too long")
            time.sleep(_POLL_S)
        yield file.fileno()


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
