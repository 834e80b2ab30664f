from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.command import in_process, sentence
from tests.services.cloning import Cloning, cloning, voices_of
from tests.services.conftest import RunningService
from tests.voices.clips import hum, voice, wav

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cloner(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloning]:
    """A service that can clone."""
    folder = tmp_path_factory.mktemp("cloning")
    with cloning(folder / "voices", folder / "log") as service:
        yield service


def clip(path: Path, data: bytes | None = None) -> Path:
    path.write_bytes(voice() if data is None else data)
    return path


def test_a_voice_is_added_listed_and_removed(cloner: Cloning, tmp_path: Path) -> None:
    there = ("--url", cloner.ws)
    file = clip(tmp_path / "anna.wav")
    added = in_process("voices", "add", "anna", file, "--title", "Anna", "--consent", "A", *there)
    assert (added.exit_code, added.stderr) == (0, "anna: 2.0 s\n")
    rows = [line.split() for line in in_process("voices", *there).stdout.splitlines()]
    assert rows[0] == ["id", "name", "language", "cloned"]
    assert ["anna", "Anna", "en", "yes"] in rows
    assert "say replace" in sentence(in_process("voices", "add", "anna", file, *there))
    assert in_process("voices", "add", "anna", file, "--replace", *there).exit_code == 0
    removed = in_process("voices", "remove", "anna", *there)
    assert (removed.exit_code, removed.stderr) == (0, "anna: removed\n")
    assert voices_of(cloner) == []
    assert "no voice anna" in sentence(in_process("voices", "remove", "anna", *there))


def test_what_is_wrong_with_a_clip_is_one_sentence(cloner: Cloning, tmp_path: Path) -> None:
    there = ("--url", cloner.ws)
    short = clip(tmp_path / "short.wav", wav(hum(220, 0.2)))
    assert "0.2 s of sound" in sentence(in_process("voices", "add", "x", short, *there))
    assert "letters" not in sentence(in_process("voices", "add", "a b", short, *there))
    missing = tmp_path / "missing.wav"
    assert "no such file" in sentence(in_process("voices", "add", "x", missing, *there))
    large = clip(tmp_path / "large.wav", bytes((10 << 20) + 1))
    assert "10 MiB" in sentence(in_process("voices", "add", "x", large, *there))
    assert voices_of(cloner) == []


def test_a_recording_that_was_too_loud_is_noted(cloner: Cloning, tmp_path: Path) -> None:
    loud = clip(tmp_path / "loud.wav", wav(hum(220, 2, level=3).clip(-1, 1)))
    there = ("--url", cloner.ws)
    assert in_process("voices", "add", "loud", loud, *there).stderr == "loud: 2.0 s (clipped)\n"
    assert in_process("voices", "remove", "loud", *there).exit_code == 0


def test_an_engine_that_cannot_clone_says_so(tts: RunningService, tmp_path: Path) -> None:
    file = clip(tmp_path / "anna.wav")
    result = in_process("voices", "add", "anna", file, "--url", tts.ws)
    assert "cannot clone" in sentence(result)
