"""When Chatterbox is picked, and what is said when it is not. Needs no torch."""

from pathlib import Path

import pytest

from voice_agent.engines.chatterbox import placement
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.spec import SPECS
from voice_agent.engines.registry import SPEAKERS, pick
from voice_agent.errors import ModelMissing, SettingsError
from voice_agent.settings import ChatterboxSettings, Settings

ENGLISH = ("ve.pt", "t3_cfg.pt", "s3gen.pt", "tokenizer.json", "conds.pt")


def folder_with(path: Path, *names: str) -> Path:
    path.mkdir(exist_ok=True)
    for name in names:
        (path / name).write_bytes(name.encode())
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = folder_with(tmp_path / "weights", *ENGLISH)
    settings = Settings(data_dir=tmp_path)
    settings.tts.model = str(folder)
    return settings


@pytest.fixture
def with_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "missing_packages", list)
    monkeypatch.setattr(placement, "device_and_precision", lambda _: ("cpu", "float32"))


def test_without_its_packages_it_says_how_to_get_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "find_spec", lambda _: None)
    reason = placement.unusable(settings)
    assert "torch" in reason
    assert "make tts-env" in reason


@pytest.mark.usefixtures("with_packages")
def test_without_weights_it_says_where_they_were_looked_for(tmp_path: Path) -> None:
    reason = placement.unusable(Settings(data_dir=tmp_path))
    assert str(tmp_path / "models" / "chatterbox") in reason


@pytest.mark.usefixtures("with_packages")
def test_auto_passes_it_over_on_a_cpu(settings: Settings) -> None:
    picked = pick(SPEAKERS, "auto", settings)
    assert picked.engine.info.name == "espeak"
    assert "a CPU is too slow" in picked.why


@pytest.mark.usefixtures("with_packages")
def test_it_can_be_chosen_on_a_cpu(settings: Settings) -> None:
    engine = pick(SPEAKERS, "chatterbox", settings).engine
    assert engine.clones
    assert engine.family == "chatterbox-english"
    assert not engine.ready


@pytest.mark.usefixtures("with_packages")
def test_auto_takes_it_where_there_is_a_gpu(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "device_and_precision", lambda _: ("cuda", "bfloat16"))
    assert pick(SPEAKERS, "auto", settings).engine.info.name == "chatterbox"


@pytest.mark.usefixtures("with_packages")
@pytest.mark.parametrize("name", ["english", "multilingual", "turbo"])
def test_the_model_is_known_by_its_files(tmp_path: Path, name: str) -> None:
    folder = folder_with(tmp_path / "t", *(names[0] for names in SPECS[name].files.values()))
    settings = Settings(data_dir=tmp_path)
    settings.tts.model = str(folder)
    assert not placement.unusable(settings)
    assert pick(SPEAKERS, "chatterbox", settings).engine.family == f"chatterbox-{name}"


@pytest.mark.usefixtures("with_packages")
def test_a_folder_that_is_not_whole_cannot_be_chosen(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.tts.model = str(folder_with(tmp_path / "t", "ve.safetensors"))
    assert "turbo lacks" in placement.unusable(settings)
    with pytest.raises(SettingsError):
        pick(SPEAKERS, "chatterbox", settings)


def test_safetensors_go_before_pickles(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "w", *ENGLISH, "s3gen.safetensors")
    parts = find_checkpoint(folder).parts
    assert (parts["s3gen"].name, parts["t3"].name) == ("s3gen.safetensors", "t3_cfg.pt")


def test_a_folder_with_two_models_holds_the_one_that_is_asked_for(tmp_path: Path) -> None:
    multilingual = [names[0] for names in SPECS["multilingual"].files.values()]
    folder = folder_with(tmp_path / "w", *ENGLISH, *multilingual)
    assert find_checkpoint(folder).spec.name == "english"
    assert find_checkpoint(folder, "multilingual").spec.name == "multilingual"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "w", "ve.pt", "s3gen.pt", "tokenizer.json")
    with pytest.raises(ModelMissing, match=r"t3_cfg\.safetensors"):
        find_checkpoint(folder, "english")


def test_the_hash_changes_with_the_weights_and_not_with_the_voice(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "w", *ENGLISH)
    before = find_checkpoint(folder).digest()
    (folder / "conds.pt").write_bytes(b"another voice")
    assert find_checkpoint(folder).digest() == before
    (folder / "s3gen.pt").write_bytes(b"S3GEN.pt")
    assert find_checkpoint(folder).digest() != before
    assert len(before) == 16


def test_the_settings_name_devices() -> None:
    assert ChatterboxSettings(device="cuda:1").device == "cuda:1"
    with pytest.raises(ValueError, match="device"):
        ChatterboxSettings(device="gpu")
