import json
from pathlib import Path

import pytest

from tests import real_models
from tests.cli.command import in_process, sentence, voice_agent


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text('[server]\nport = 8100\nmax_sessions = 3\n[llm]\napi_key = "hidden-key"\n')
    return path


def test_every_setting_has_its_value_and_source(toml: Path) -> None:
    result = in_process("config", "--json", "--config", toml, SERVER__PORT=8200, LOG__JSON=True)
    told = json.loads(result.stdout)
    assert told["server.port"]["value"] == 8200
    assert told["server.port"]["source"] == "environment"
    assert told["server.max_sessions"]["source"] == str(toml)
    assert told["log.json"] == {
        "value": True,
        "source": "environment",
        "variable": "VOICE_AGENT_LOG__JSON",
        "about": "One JSON object a line instead of text.",
    }
    assert told["asr.engine"]["source"] == "default"
    assert all(setting["about"] for setting in told.values())


def test_secrets_are_masked(toml: Path) -> None:
    for options in ((), ("--json",)):
        result = in_process("config", "--config", toml, *options, TWILIO__AUTH_TOKEN="hidden-too")
        assert "hidden" not in result.stdout
        assert "********" in result.stdout


def test_bad_settings_are_one_sentence(tmp_path: Path) -> None:
    assert "server.port" in sentence(in_process("config", SERVER__PORT="eight"))
    broken = tmp_path / "broken.toml"
    broken.write_text("this is = = no toml")
    assert "settings file" in sentence(in_process("config", "--config", broken))


def test_the_doctor_says_that_the_engines_can_run() -> None:
    result = voice_agent("doctor", "--json", MODELS__DIR=real_models.base().parent)
    assert result.returncode == 0, result.stdout
    told = json.loads(result.stdout)
    found = {finding["what"]: finding for finding in told["findings"]}
    assert told["ok"] is True
    assert found["hears"]["detail"].startswith("whisper: ")
    assert found["speaks"]["detail"].startswith("piper: ")
    for what in ("Python", "Silero", "Smart Turn", "espeak-ng"):
        assert found[what]["verdict"] == "ok"
    for what in ("port 8000", "GPU", "disk", "processor", "sound card", "extra talk"):
        assert what in found


def test_the_doctor_fails_when_an_engine_that_was_asked_for_cannot_run() -> None:
    result = in_process("doctor", ASR__ENGINE="nonsense")
    assert result.exit_code == 1
    assert "no engine nonsense" in result.stdout
    assert result.stdout.splitlines()[-1] == "cannot run: hears"


def test_the_doctor_says_in_one_line_what_to_do_where_no_model_is(tmp_path: Path) -> None:
    result = in_process("doctor", MODELS__DIR=tmp_path)
    assert result.exit_code == 1
    [line] = [line for line in result.stdout.splitlines() if line.split()[:2] == ["bad", "hears"]]
    assert "no Whisper model is on this machine; run: voice-agent models pull base" in line
    assert result.stdout.splitlines()[-1] == "cannot run: hears"


def test_the_version_is_printed() -> None:
    assert voice_agent("--version").stdout == "voice-agent 0.1.0\n"


def test_tools_that_cannot_be_used_are_one_sentence() -> None:
    llm = {"LLM__BASE_URL": "http://localhost:1/v1", "LLM__MODEL": "any"}
    result = voice_agent("serve", "agent", "--port", "0", LLM__TOOLS="nowhere:TOOLS", **llm)
    assert "llm.tools: nowhere:TOOLS cannot be used" in sentence(result)
