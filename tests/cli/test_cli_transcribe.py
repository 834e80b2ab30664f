import json
import re
from pathlib import Path

import pytest
import soundfile

from tests.cli.command import in_process, sentence, voice_agent
from tests.services.conftest import RunningService
from voice_agent.cli.http_probe import free_port

pytestmark = pytest.mark.e2e


@pytest.mark.slow
def test_a_file_becomes_text_with_a_service_for_this_command_alone(spoken: Path) -> None:
    result = voice_agent("transcribe", spoken)
    assert result.returncode == 0, result.stderr
    assert "window" in result.stdout
    assert result.stderr == ""


def test_json_has_the_words_with_their_times(asr: RunningService, spoken: Path) -> None:
    result = voice_agent("transcribe", "--json", "--url", asr.ws, spoken)
    told = json.loads(result.stdout)
    assert told["file"] == str(spoken)
    assert told["duration_s"] == pytest.approx(soundfile.info(spoken).duration, abs=0.01)
    words = [word for turn in told["turns"] for word in turn["words"]]
    assert "window" in [word["word"] for word in words]
    for turn in told["turns"]:
        for word in turn["words"]:
            assert turn["start"] <= word["start"] <= word["end"] <= turn["end"]


@pytest.mark.parametrize("ending", ["ogg", "flac", "mp3"])
def test_any_container_is_read(asr: RunningService, spoken: Path, ending: str) -> None:
    samples, rate_hz = soundfile.read(spoken)
    path = spoken.with_suffix(f".{ending}")
    kind = {"ogg": "OPUS"}.get(ending)
    soundfile.write(path, samples, rate_hz, subtype=kind)
    result = in_process("transcribe", path, ASR__URL=asr.ws)
    assert "window" in result.stdout, result


def test_subtitles_are_srt_or_vtt(asr: RunningService, spoken: Path) -> None:
    url = f"{asr.http}/ws"
    srt = in_process("transcribe", "--srt", "--url", url, spoken).stdout
    assert re.match(r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n.*open", srt)
    vtt = in_process("transcribe", "--vtt", "--url", url, spoken).stdout
    assert re.match(r"WEBVTT\n\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\n.*open", vtt)


def test_files_that_fail_do_not_stop_the_others(
    asr: RunningService, spoken: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("these are words, and nothing but words\n" * 20)
    empty = tmp_path / "empty.wav"
    empty.touch()
    missing = tmp_path / "missing.wav"
    result = voice_agent("transcribe", "--url", asr.ws, missing, text, empty, spoken)
    assert result.returncode == 1
    assert f"==> {spoken} <==" in result.stdout
    assert "window" in result.stdout
    lines = result.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == [str(missing), str(text), str(empty)]
    assert "no such file" in lines[0]
    assert "text, not audio" in lines[1]
    assert "no audio" in lines[2]


def test_a_file_that_is_cut_gives_what_it_has_and_fails(
    asr: RunningService, spoken: Path, tmp_path: Path
) -> None:
    samples, rate_hz = soundfile.read(spoken)
    path = tmp_path / "cut.wav"
    soundfile.write(path, samples, rate_hz)
    path.write_bytes(path.read_bytes()[:-20_000])
    result = in_process("transcribe", "--url", asr.ws, path)
    assert result.exit_code == 1
    assert "open" in result.stdout
    assert f"{path}: the WAV ends" in result.stderr


def test_a_file_for_each_goes_into_a_folder(
    asr: RunningService, spoken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "folder"
    result = in_process("transcribe", "--srt", "--url", asr.ws, "--out-dir", out, spoken)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "window" in (out / "spoken.srt").read_text()


def test_no_service_at_the_address_is_one_sentence(spoken: Path) -> None:
    port = free_port()
    said = sentence(in_process("transcribe", "--url", f"localhost:{port}", spoken))
    assert said == f"no service answers at ws://localhost:{port}/ws (connection refused)"


def test_the_wrong_service_is_one_sentence(tts: RunningService, spoken: Path) -> None:
    assert "is a service of kind tts" in sentence(in_process("transcribe", "--url", tts.ws, spoken))


def test_misuse_exits_with_2(spoken: Path) -> None:
    assert in_process("transcribe").exit_code == 2
    assert in_process("transcribe", "--srt", "--vtt", spoken).exit_code == 2
    assert in_process("transcribe", "--srt", spoken, spoken).exit_code == 2
