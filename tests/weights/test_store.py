from pathlib import Path

import pytest

from tests.scripted_hub import whisper_files
from voice_agent.errors import ModelMissing, UnknownModel
from voice_agent.settings import ModelsSettings, Settings
from voice_agent.weights.manifest import MANIFEST
from voice_agent.weights.store import (
    installed,
    is_complete,
    model_folder,
    models_dir,
    removable_bytes,
    remove,
    why_incomplete,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def model_in(folder: Path) -> Path:
    """A folder as one copies it by hand."""
    folder.mkdir(parents=True)
    for name, data in whisper_files(1000).items():
        if "/" not in name:
            (folder / name).write_bytes(data)
    return folder


def test_models_are_in_the_data_folder_unless_set_otherwise(tmp_path: Path) -> None:
    assert models_dir(Settings(data_dir=tmp_path)) == tmp_path / "models"
    elsewhere = ModelsSettings(dir=tmp_path / "elsewhere")
    assert models_dir(Settings(data_dir=tmp_path, models=elsewhere)) == tmp_path / "elsewhere"


def test_a_folder_copied_by_hand_is_found_by_name_and_by_path(settings: Settings) -> None:
    folder = model_in(models_dir(settings) / "tiny")
    assert model_folder("tiny", "whisper", settings) == folder
    assert model_folder(str(folder), "whisper", settings) == folder
    [model] = installed(settings)
    assert (model.name, model.revision, model.why_incomplete) == ("tiny", "", "")
    assert model.n_bytes > 1000


def test_a_folder_of_any_name_is_found(settings: Settings) -> None:
    folder = model_in(models_dir(settings) / "ours")
    assert model_folder("ours", "whisper", settings) == folder


def test_a_repository_is_found_by_its_name(settings: Settings) -> None:
    folder = model_in(models_dir(settings) / "somebody--model")
    assert model_folder("somebody/model", "whisper", settings) == folder
    assert installed(settings)[0].name == "somebody/model"


def test_another_name_for_the_same_weights_is_found(settings: Settings) -> None:
    folder = model_in(models_dir(settings) / "large-v3-turbo")
    assert model_folder("turbo", "whisper", settings) == folder


def test_a_missing_model_is_one_sentence_with_the_place_and_the_command(
    settings: Settings,
) -> None:
    with pytest.raises(ModelMissing) as raised:
        model_folder("small", "whisper", settings)
    folder = models_dir(settings) / "small"
    assert raised.value.message == (
        f"model small is not on this machine (looked for {folder});"
        " run: voice-agent models pull small"
    )


def test_offline_the_way_out_is_a_copy(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, models=ModelsSettings(offline=True))
    folder = models_dir(settings) / "small"
    with pytest.raises(ModelMissing, match=f"so copy the model's folder to {folder}$"):
        model_folder("small", "whisper", settings)


def test_a_path_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=f"there is no model folder {tmp_path}/none"):
        model_folder(str(tmp_path / "none"), "whisper", settings)
    (tmp_path / "file").touch()
    with pytest.raises(ModelMissing, match="there is no model folder"):
        model_folder(str(tmp_path / "file"), "whisper", settings)
    with pytest.raises(ModelMissing, match=r"looked for our/model and .*/our--model\)"):
        model_folder("our/model", "whisper", settings)
    with pytest.raises(UnknownModel, match="did you mean small"):
        model_folder("smal", "whisper", settings)


@pytest.mark.parametrize("name", ["config.json", "model.bin", "tokenizer.json"])
def test_a_model_without_a_file_it_needs_is_not_whole(settings: Settings, name: str) -> None:
    folder = model_in(models_dir(settings) / "tiny")
    (folder / name).unlink()
    assert why_incomplete(folder) == f"it has no {name}"
    with pytest.raises(ModelMissing, match=rf"it has no {name}; run: voice-agent models pull tiny"):
        model_folder("tiny", "whisper", settings)
    with pytest.raises(ModelMissing, match=f"it has no {name}; copy it there again"):
        model_folder(str(folder), "whisper", settings)


def test_either_vocabulary_will_do(settings: Settings) -> None:
    folder = model_in(models_dir(settings) / "tiny")
    (folder / "vocabulary.json").rename(folder / "vocabulary.txt")
    assert is_complete(folder)
    (folder / "vocabulary.txt").unlink()
    assert why_incomplete(folder) == "it has no vocabulary.json or vocabulary.txt"


def test_damage_that_sizes_tell_is_seen(settings: Settings) -> None:
    folder = model_in(models_dir(settings) / "tiny")
    (folder / "model.bin.part").touch()
    assert "model.bin.part is left of an unfinished download" in why_incomplete(folder)
    (folder / "model.bin.part").unlink()
    (folder / MANIFEST).write_text("{}")
    assert why_incomplete(folder) == f"{MANIFEST} cannot be read"
    assert installed(settings)[0].why_incomplete
    (folder / MANIFEST).unlink()
    (folder / "model.bin").write_bytes(b"")
    assert why_incomplete(folder) == "model.bin is empty"


def test_what_is_removed_is_gone_and_the_rest_stays(settings: Settings) -> None:
    gone, kept = (model_in(models_dir(settings) / name) for name in ("tiny", "base"))
    assert removable_bytes("tiny", settings) > 1000
    remove("tiny", settings)
    assert not gone.exists()
    assert is_complete(kept)
    for name in ("tiny", "..", "../models/base", ".partial", ""):
        with pytest.raises(ModelMissing, match="there is no model"):
            removable_bytes(name, settings)
