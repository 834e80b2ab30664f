from pathlib import Path

import pytest

from voice_agent.errors import SettingsError
from voice_agent.settings import load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, so that no `.env` is found."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def toml(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text)
    return file


def test_the_defaults_are_those_that_scripts_rely_on() -> None:
    settings = load_settings()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", None)
    assert (settings.server.max_sessions, settings.server.idle_timeout_s) == (30, 300)
    assert (settings.asr.engine, settings.tts.engine, settings.tts.voice) == (
        "auto",
        "auto",
        "default",
    )
    assert (settings.privacy.log_text, settings.log.level) == (False, "INFO")


def test_the_environment_wins_over_dotenv_and_that_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml(elsewhere, "[asr]\nsilence_ms = 300\ngather_ms = 40\nmax_turn_s = 3.0")
    (elsewhere / ".env").write_text(
        "VOICE_AGENT_ASR__GATHER_MS=32\nVOICE_AGENT_ASR__SILENCE_MS=200\n"
    )
    monkeypatch.setenv("VOICE_AGENT_ASR__SILENCE_MS", "100")
    asr = load_settings(file).asr
    assert (asr.silence_ms, asr.gather_ms, asr.max_turn_s) == (100, 32, 3.0)


def test_an_argument_wins_over_everything_and_leaves_its_group_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOICE_AGENT_ASR__GATHER_MS", "32")
    asr = load_settings(asr={"silence_ms": 700}).asr
    assert (asr.silence_ms, asr.gather_ms) == (700, 32)


def test_json_logging_is_set_by_its_short_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_LOG__JSON", "true")
    assert load_settings().log.json_lines


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVER__PORT", "70000"),
        ("SERVER__MAX_SESSIONS", "0"),
        ("SERVER__IDLE_TIMEOUT_S", "-1"),
        ("SERVER__MAX_FRAME_BYTES", "ten"),
        ("ASR__SILENCE_MS", "5"),
        ("ASR__GATHER_MS", "0"),
        ("LOG__LEVEL", "LOUD"),
        ("SERVER__COLOUR", "red"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"VOICE_AGENT_{name}", value)
    with pytest.raises(SettingsError, match=name.lower().replace("__", ".")):
        load_settings()


@pytest.mark.parametrize("text", ["[asr]\ncolour = 1", "[asr", "[nobody]\nx = 1"])
def test_a_wrong_file_is_refused(elsewhere: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(toml(elsewhere, text))


def test_a_file_that_is_not_there_is_refused(elsewhere: Path) -> None:
    with pytest.raises(SettingsError, match="there is no settings file"):
        load_settings(elsewhere / "missing.toml")


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_LLM__API_KEY", "sesame")
    settings = load_settings()
    assert "sesame" not in repr(settings)
    assert settings.llm.api_key.get_secret_value() == "sesame"
