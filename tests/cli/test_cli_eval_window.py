"""``voice-agent eval-window`` on the test model and speech that it understands."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.command import in_process, sentence
from tests.phone_talk import HELD_OUT_VOICES, MODEL, held_out_sentences, say
from tests.speech import pause
from voice_agent.engines.whisper.evaluation import Decoded, Pair, difference

_SAID = held_out_sentences()[:3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings with transcripts; the last one says something else than its transcript."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = ["file\ttext"]
    for index, text in enumerate([*_SAID, "yes please"]):
        spoken = text if text in _SAID else "no thank you"
        samples = say(spoken, HELD_OUT_VOICES[index % len(HELD_OUT_VOICES)]).samples
        name = f"{index}.flac"
        soundfile.write(folder / name, np.concatenate([pause(0.3), samples, pause(0.3)]), 16_000)
        rows.append(f"{name}\t{text}")
    (folder / "transcripts.tsv").write_text("\n".join(rows))
    return folder


def test_both_windows_are_compared_on_every_recording(folder: Path) -> None:
    result = in_process("eval-window", folder, "--model", MODEL)
    assert result.exit_code == 0, result.output
    assert "3.flac" in result.output
    assert "wrong words of 2: full 3, short 3" in result.output
    assert "95 % interval" in result.output
    assert "not enough recordings" in result.output  # four


def test_json_has_the_figures(folder: Path) -> None:
    result = in_process("eval-window", folder, "--model", MODEL, "--json")
    told = json.loads(result.output)
    words = sum(len(text.split()) for text in _SAID) + 2
    assert (told["recordings"], told["words"]) == (4, words)
    assert told["full_word_error_percent"] == pytest.approx(300 / words, abs=0.01)
    assert 0 < told["short_time_ratio"] < 1
    assert told["difference_points"] == 0
    assert told["verdict"] == "not enough recordings"


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ([0] * 60, "no harm"),
        ([0] * 19, "not enough recordings"),  # equal, but too few to know
        ([0, 0, 0, 2] * 10, "harm"),
        ([0] * 58 + [9, -9], "not enough recordings"),
        ([-1, 0, 0, 0] * 10, "no harm"),
    ],
)
def test_it_says_harm_no_harm_or_that_nobody_knows(more: list[int], verdict: str) -> None:
    def decoded(wrong: int) -> Decoded:
        return Decoded(text="", wrong_words=wrong, words=10, run_s=1.0)

    pairs = [
        Pair(name="", audio_s=3.0, said="", full=decoded(1), short=decoded(1 + n)) for n in more
    ]
    found = difference(pairs)
    assert found.verdict == verdict
    assert found.low <= found.points <= found.high


def test_a_window_can_be_tried(folder: Path) -> None:
    result = in_process("eval-window", folder, "--model", MODEL, "--window", "30", "--json")
    assert json.loads(result.output)["short_time_ratio"] > 0.5


def test_a_folder_without_a_table_is_one_sentence(tmp_path: Path) -> None:
    assert "transcripts.tsv" in sentence(in_process("eval-window", tmp_path, "--model", MODEL))


def test_a_missing_recording_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "transcripts.tsv").write_text("file\ttext\ngone.wav\thello\n")
    assert "gone.wav" in sentence(in_process("eval-window", tmp_path, "--model", MODEL))
