from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.command import in_process, sentence, voice_agent
from tests.services.conftest import RunningService
from voice_agent.cli import sound
from voice_agent.errors import Unsupported

pytestmark = pytest.mark.e2e

_TEXT = "Good morning. How are you?"


@pytest.mark.parametrize(
    ("ending", "kind"), [("wav", "WAV"), ("mp3", "MP3"), ("ogg", "OGG"), ("opus", "OGG")]
)
def test_the_name_says_the_format(
    tts: RunningService, tmp_path: Path, ending: str, kind: str
) -> None:
    path = tmp_path / f"said.{ending}"
    result = in_process("say", _TEXT, "-o", path, "--url", tts.ws)
    assert result.exit_code == 0, result.stderr
    assert soundfile.info(path).format == kind
    samples, rate_hz = soundfile.read(path)
    assert 0.8 < len(samples) / rate_hz < 5
    assert np.abs(samples).max() > 0.05


@pytest.mark.slow
def test_a_service_is_started_when_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "said.wav"
    result = voice_agent("say", _TEXT, "-o", path)
    assert result.returncode == 0, result.stderr
    assert path.stat().st_size > 10_000


def test_a_text_longer_than_a_request_is_spoken_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "said.wav"
    text = "This is a sentence. " * 12
    result = voice_agent("say", "-", "-o", path, stdin=text, TTS__MAX_TEXT_CHARS=80)
    assert result.returncode == 0, result.stderr
    assert soundfile.info(path).duration > 10


def test_a_speed_and_a_voice_are_heard(tts: RunningService, tmp_path: Path) -> None:
    slow, fast = tmp_path / "slow.wav", tmp_path / "fast.wav"
    options = ("--url", tts.ws, "--voice", "en-us+f2")
    in_process("say", _TEXT, "-o", slow, "--speed", "0.7", *options)
    in_process("say", _TEXT, "-o", fast, "--speed", "1.6", *options)
    assert soundfile.info(slow).duration > 1.5 * soundfile.info(fast).duration


def test_what_cannot_be_said_is_one_sentence(tts: RunningService, tmp_path: Path) -> None:
    path = tmp_path / "said.wav"
    there = ("-o", path, "--url", tts.ws)
    assert "no voice nobody" in sentence(in_process("say", "hi", "--voice", "nobody", *there))
    assert "voice_id" in sentence(in_process("say", "hi", "--voice", "a b", *there))
    assert "no letter" in sentence(in_process("say", "…", *there))
    assert "end in .wav" in sentence(in_process("say", "hi", "-o", tmp_path / "said.txt"))
    nowhere = tmp_path / "nowhere" / "said.wav"
    assert str(nowhere) in sentence(in_process("say", "hi", "--url", tts.ws, "-o", nowhere))
    assert not path.exists()
    assert in_process("say", "hi", "--speed", "9", *there).exit_code == 2


def test_without_sounddevice_the_command_that_brings_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    with pytest.raises(Unsupported, match="pip install sounddevice"):
        sound.sounddevice()


def test_the_voices_are_listed(tts: RunningService) -> None:
    lines = in_process("voices", "--url", tts.ws).stdout.splitlines()
    assert lines[0].split() == ["id", "name", "language", "cloned"]
    assert lines[1].startswith("default ")
    assert len(lines) > 20
