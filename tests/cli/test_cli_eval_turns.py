"""``voice-agent eval-turns`` on made speech and the real detectors."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.command import in_process, sentence
from tests.phone_talk import HELD_OUT_VOICES, MODEL, held_out_sentences, say
from tests.speech import pause


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two turns of two sentences each, in eot-bench's layout."""
    folder = tmp_path_factory.mktemp("turns")
    rows: list[str] = []
    for index, texts in enumerate([held_out_sentences()[:2], held_out_sentences()[2:4]]):
        first, second = (say(text, HELD_OUT_VOICES[index]).samples for text in texts)
        sound = np.concatenate([pause(0.4), first, pause(0.6), second, pause(1.0)])
        soundfile.write(folder / f"{index}.wav", sound, 16_000)
        break_s, end_s = 0.4 + len(first) / 16_000, len(sound) / 16_000 - 1
        spans = [
            {"start": break_s, "end": break_s + 0.6},
            {"start": end_s, "end": end_s + 1},
        ]
        row = {"id": f"t{index}", "language": "en", "audio": f"{index}.wav", "silence_spans": spans}
        rows.append(json.dumps(row))
    (folder / "turns.jsonl").write_text("\n".join(rows))
    return folder


@pytest.fixture(autouse=True)
def small_whisper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_ASR__ENGINE", "whisper")
    monkeypatch.setenv("VOICE_AGENT_ASR__MODEL", str(MODEL))


def test_detectors_stand_side_by_side_and_what_was_heard_is_kept(
    folder: Path, tmp_path: Path
) -> None:
    kept, drawn = tmp_path / "judged.jsonl", tmp_path / "curves.svg"
    result = in_process("eval-turns", folder, "--judged", kept, "--picture", drawn)
    assert result.exit_code == 0, result.output
    assert "2 turns, 2 pauses" in result.output
    for name in ("words and sound", "Smart Turn alone", "silence alone"):
        assert name in result.output
    assert drawn.read_text().startswith("<svg")
    judged = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [row["final"] for row in judged] == [False, True, False, True]
    assert all(row["text"] and 0 < row["smart_turn"] < 1 for row in judged)
    again = in_process("eval-turns", folder, "--judged", kept, "--json")
    told = json.loads(again.output)
    assert (told["turns"], told["pauses"]) == (2, 2)
    assert told["detectors"]["silence alone"]["latency_ms"][0] == pytest.approx(600, abs=60)
    assert len(kept.read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "lists no turns"),
        ("{}", "line 1"),
        ('{"id": "a", "audio": "gone.wav", "silence_spans": [{"start": 1, "end": 2}]}', "gone.wav"),
        ("no json", "line 1"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, table: str, said: str
) -> None:
    (tmp_path / "turns.jsonl").write_text(table)
    assert said in sentence(in_process("eval-turns", tmp_path))


def test_a_folder_without_a_table_is_one_sentence(tmp_path: Path) -> None:
    assert "turns.jsonl" in sentence(in_process("eval-turns", tmp_path))
