from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.command import in_process, sentence, voice_agent
from tests.services.conftest import RunningService
from voice_agent.cli.http_probe import free_port


@pytest.mark.e2e
@pytest.mark.slow
def test_a_file_has_a_conversation(agent: RunningService, spoken: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.wav"
    result = voice_agent("talk", "--wav", spoken, "-o", out, "--url", agent.ws)
    assert result.returncode == 0, result.stderr
    you, answer = result.stdout.splitlines()
    assert you.startswith("you: ")
    assert "window" in you
    assert answer.startswith("agent: ")
    samples, rate_hz = soundfile.read(out)
    # silence while the caller speaks, then the answer
    spoken_s = soundfile.info(spoken).duration
    assert np.abs(samples[: int(spoken_s * rate_hz / 2)]).max() == 0
    assert np.abs(samples).max() > 0.05


def test_what_cannot_work_is_one_sentence(tmp_path: Path, spoken: Path) -> None:
    assert "no such file" in sentence(in_process("talk", "--wav", tmp_path / "none.wav"))
    nobody = f"localhost:{free_port()}"
    said = sentence(in_process("talk", "--wav", spoken, "--url", nobody))
    assert "no service answers" in said
    assert in_process("talk", "-o", tmp_path / "out.wav").exit_code == 2
