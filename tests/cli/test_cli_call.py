import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.cli.command import in_process, sentence, voice_agent
from tests.cli.conftest import SAID
from tests.services.conftest import RunningService, running
from voice_agent.cli.http_probe import free_port

TOKEN = "12345"
PUBLIC = "http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def phone() -> Generator[RunningService]:
    """An agent that takes calls without a signature; 9 hangs up."""
    with running("agent", TWILIO__INSECURE="true", TWILIO__KEYS='{"9": "hang_up"}') as service:
        yield service


def stream(service: RunningService) -> str:
    return f"ws://127.0.0.1:{service.port}/twilio/stream"


@pytest.mark.e2e
@pytest.mark.slow
def test_a_file_makes_a_call(phone: RunningService, spoken: Path, tmp_path: Path) -> None:
    out = tmp_path / "call.wav"
    result = voice_agent("call", "--wav", spoken, "--to-wav", out, "--url", stream(phone))
    assert result.returncode == 0, result.stderr
    turn, summary = result.stdout.splitlines()
    found = re.fullmatch(
        r"caller stopped at ([\d.]+) s, answer began at ([\d.]+) s: ([\d.]+) s later", turn
    )
    assert found
    stopped_s, answered_s, delay_s = map(float, found.groups())
    assert stopped_s == pytest.approx(soundfile.info(spoken).duration - 0.7, abs=0.2)
    assert 0 < delay_s == pytest.approx(answered_s - stopped_s, abs=0.011)
    assert re.search(r"[1-9]\d* marks played, 0 cleared, 0 interruptions", summary)
    assert "complain" not in result.stderr
    samples, rate_hz = soundfile.read(out)
    assert (rate_hz, samples.shape[1]) == (8000, 2)
    caller, agent = samples.T
    assert np.abs(caller[: int(stopped_s * rate_hz)]).max() > 0.1
    assert np.abs(caller[int((stopped_s + 0.1) * rate_hz) :]).max() < 0.01
    assert np.abs(agent[: int(answered_s * rate_hz)]).max() < 0.05
    assert np.abs(agent[int(answered_s * rate_hz) :]).max() > 0.05


@pytest.mark.e2e
@pytest.mark.slow
def test_what_was_said_is_told_where_records_are_kept(spoken: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    keys = '{"9": "hang_up"}'
    with running(
        "agent", TWILIO__INSECURE="true", TWILIO__KEYS=keys, RECORDS__DIR=folder
    ) as service:
        url = stream(service)
        result = voice_agent("call", "--wav", spoken, "--url", url, RECORDS__DIR=folder)
        assert result.returncode == 0, result.stderr
        elsewhere = voice_agent("call", "--press", "9", "--url", url, RECORDS__DIR=tmp_path)
    _, _, caller, agent, stages = result.stdout.splitlines()
    assert re.fullmatch(rf" *[\d.]+ s  caller  {SAID}\W*", caller, re.IGNORECASE)
    assert re.fullmatch(rf" *[\d.]+ s  agent   You said: {SAID}\..*", agent, re.IGNORECASE)
    assert re.search(r"turn \d+ ms, final \d+ ms, llm \d+ ms, speech \d+ ms", stages)
    assert "no record of the call" in elsewhere.stderr


@pytest.mark.e2e
def test_keys_are_pressed_and_the_agent_may_hang_up(phone: RunningService) -> None:
    result = voice_agent("call", "--press", "9", "--url", stream(phone))
    assert result.returncode == 0, result.stderr
    assert "the server ended the call (close code 1000)" in result.stdout


@pytest.mark.slow
@pytest.mark.e2e
def test_a_call_by_webhook_is_signed_from_the_first_request_on() -> None:
    port = free_port()
    secrets: dict[str, Any] = {
        "TWILIO__AUTH_TOKEN": TOKEN,
        "TWILIO__PUBLIC_URL": PUBLIC.format(port=port),
    }
    keys = json.dumps({"1": "hang_up"})
    with running("agent", port=port, TWILIO__KEYS=keys, **secrets) as service:
        webhook = f"{service.http}/twilio/voice"
        result = voice_agent("call", "--press", "1", "--webhook", webhook, **secrets)
        assert "close code 1000" in result.stdout, result.stderr
        wrong = voice_agent(
            "call", "--press", "1", "--webhook", webhook, TWILIO__AUTH_TOKEN="wrong"
        )
        assert "does not take the signature" in sentence(wrong)
        unsigned = voice_agent("call", "--press", "1", "--url", stream(service))
        assert "takes signed calls only" in sentence(unsigned)


def test_what_cannot_work_is_one_sentence(tmp_path: Path, spoken: Path) -> None:
    assert "no such file" in sentence(in_process("call", "--wav", tmp_path / "none.wav"))
    assert "has to end in .wav" in sentence(
        in_process("call", "--wav", spoken, "--to-wav", tmp_path / "out.mp3")
    )
    assert "keys" in sentence(in_process("call", "--press", "x"))
    nobody = f"ws://localhost:{free_port()}/twilio/stream"
    said = sentence(in_process("call", "--wav", spoken, "--url", nobody))
    assert "no server answers" in said
    said = sentence(in_process("call", "--press", "1", "--webhook", f"http{nobody[2:]}"))
    assert "no webhook answers" in said
    assert in_process("call").exit_code == 2
    assert in_process("call", "--mic", "--wav", spoken).exit_code == 2
