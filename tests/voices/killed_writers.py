"""Kills writers of a store at each of their steps: ``python -m tests.voices.killed_writers DIR``.

A process of its own, because it forks. Each child does one thing to the store and is killed
with SIGKILL before its first, second, third … call to the file system; where it was about
to sync a file, half of that file is lost. After each, whatever is there has to be whole,
and the next writer has to find nothing in its way. Writes how often it killed.
"""

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.voices.shelves import assert_whole, conditioning, found, left_over, put
from voice_agent.errors import VoiceNotFound
from voice_agent.voices.voice_store import VoiceStore

_EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "fcntl.flock"}
_RANDOM_KILLS = 60


def main(root: Path) -> None:
    """Writes the numbers of kills; ends with a traceback if anything is not whole."""
    shelf = VoiceStore(root, 8)
    n_kills = sum(_at_every_step(shelf, name, work) for name, work in _works(shelf).items())
    sys.stdout.write(f"{n_kills} {_at_random(shelf)}\n")


def _works(shelf: VoiceStore) -> dict[str, Callable[[], object]]:
    def again() -> None:
        anna = found(shelf)["anna"]
        assert anna is not None
        data = conditioning("other")
        shelf.add_conditioning(anna, data, family="humming", checkpoint="other")

    return {
        "new": lambda: put(shelf, "ben", "new"),
        "replaced": lambda: put(shelf, "anna", "replaced", replace=True),
        "removed": lambda: shelf.remove("anna"),
        "conditioned": again,
    }


def _at_every_step(shelf: VoiceStore, name: str, work: Callable[[], object]) -> int:
    for step in range(1, 200):
        with contextlib.suppress(VoiceNotFound):
            shelf.remove("ben")
        put(shelf, "anna", "old", replace=True)
        if not _killed_at(step, shelf.root, work):
            assert step > 8, f"{name} took only {step} steps"
            return step - 1
        _check(shelf, name)
    raise AssertionError(f"{name} does not end")


def _check(shelf: VoiceStore, name: str) -> None:
    """The work is done or not begun, and all is whole; the next writer clears away the rest."""
    before = found(shelf)
    for record in before.values():
        assert record is not None, "half a voice is listed"
        assert_whole(shelf, record)
    anna, ben = before.pop("anna", None), before.pop("ben", None)
    assert not before
    assert anna is None or anna.name in ("old", "replaced")
    assert anna is not None or name == "removed"
    assert ben is None or name == "new"
    before = found(shelf)
    shelf.clean()
    assert found(shelf) == before
    assert left_over(shelf.root) == []
    n_folders = sum(path.is_dir() and path.name != ".work" for path in shelf.root.iterdir())
    assert n_folders == len(before)


def _killed_at(step: int, root: Path, work: Callable[[], object]) -> bool:
    """Whether a child that does this had so many steps."""
    child = os.fork()
    if child == 0:
        with _fatal(step, str(root)):
            work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "the work failed"
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    return True


@contextlib.contextmanager
def _fatal(step: int, root: str) -> Iterator[None]:
    left = step
    sync = os.fsync

    def count() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def on_event(event: str, arguments: tuple[object, ...]) -> None:
        here = event == "fcntl.flock" or any(str(a).startswith(root) for a in arguments)
        if event in _EVENTS and here and count():
            os.kill(os.getpid(), signal.SIGKILL)

    def fsync(descriptor: int) -> None:
        if count():
            with contextlib.suppress(OSError):  # of a folder
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    sys.addaudithook(on_event)
    os.fsync = fsync
    yield


def _at_random(shelf: VoiceStore) -> int:
    rng = random.Random(5)
    for _ in range(_RANDOM_KILLS):
        child = os.fork()
        if child == 0:
            _write_for_ever(shelf)
        time.sleep(rng.uniform(0.001, 0.05))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the writer failed"
        for record in found(shelf).values():
            assert record is not None, "half a voice is listed"
            assert_whole(shelf, record)
    shelf.clean()
    assert left_over(shelf.root) == []
    return _RANDOM_KILLS


def _write_for_ever(shelf: VoiceStore) -> None:
    rng = random.Random(os.getpid())
    while True:
        name = rng.choice("abcd")
        if rng.random() < 0.7:
            put(shelf, name, f"{rng.random()}", replace=True)
        else:
            with contextlib.suppress(VoiceNotFound):
                shelf.remove(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
