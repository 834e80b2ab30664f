"""Chatterbox by the same ways as Whisper: pulled, found, whole or not."""

from collections.abc import Generator
from pathlib import Path
from random import Random

import pytest

from tests.scripted_hub import ScriptedHub, serving, whisper_files
from voice_agent.engines.chatterbox.placement import checkpoint
from voice_agent.errors import ModelMissing, PullFailed, UnknownModel
from voice_agent.settings import ModelsSettings, Settings, TtsSettings
from voice_agent.weights.names import CHATTERBOX, resolve, same_weights
from voice_agent.weights.pull import plan, pull
from voice_agent.weights.store import installed, model_folder, models_dir

SHARED = ("conds.pt", "Cangjie5_TC.json", "README.md", ".gitattributes")
IN_ONE_REPOSITORY = (
    *("ve.safetensors", "ve.pt", "t3_cfg.safetensors", "t3_cfg.pt", "s3gen.safetensors"),
    *("s3gen.pt", "tokenizer.json", "t3_mtl23ls_v2.safetensors"),
    *("grapheme_mtl_merged_expanded_v1.json", *SHARED),
)
OF_TURBO = (
    *("ve.safetensors", "t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "vocab.json"),
    *("merges.txt", "tokenizer_config.json", "s3gen.safetensors", *SHARED),
)


def repository(name: str) -> ScriptedHub:
    """A hub that has what the repository of a model has, in small."""
    files = OF_TURBO if name == "chatterbox-turbo" else IN_ONE_REPOSITORY
    contents = {file: Random(i).randbytes(5000) for i, file in enumerate(files)}
    large = {file for file in files if file.endswith((".pt", ".safetensors"))}
    return ScriptedHub(files=contents, repository=CHATTERBOX[name].repository, large=large)


@pytest.fixture(params=sorted(CHATTERBOX))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def hub(name: str) -> Generator[ScriptedHub]:
    with serving(repository(name)) as scripted:
        yield scripted


@pytest.fixture
def settings(hub: ScriptedHub, name: str, tmp_path: Path) -> Settings:
    models = ModelsSettings(dir=tmp_path / "models", hub_url=hub.url)
    return Settings(models=models, data_dir=tmp_path, tts=TtsSettings(model=name))


def test_what_is_pulled_is_what_the_engine_finds(
    hub: ScriptedHub, settings: Settings, name: str
) -> None:
    folder = pull(resolve(name), settings, on_progress=lambda _: None)
    assert folder == models_dir(settings) / name == model_folder(name, "chatterbox", settings)
    files = checkpoint(settings)
    assert files.folder == folder
    assert files.spec.name == {"chatterbox": "english"}.get(name, name.removeprefix("chatterbox-"))
    assert {path.read_bytes() for path in files.parts.values()} <= set(hub.files.values())
    # the voice to speak in when none is registered
    assert (folder / "conds.pt").is_file()
    [model] = installed(settings)
    assert (model.name, model.family, model.why_incomplete) == (name, "chatterbox", "")


def test_only_one_layout_of_one_variant_is_fetched(settings: Settings, name: str) -> None:
    wanted = {file.path for file in plan(resolve(name), settings).files}
    assert len([path for path in wanted if path.startswith("t3_")]) == 1
    assert len([path for path in wanted if path.startswith("s3gen")]) == 1
    assert "README.md" not in wanted


def test_a_part_that_is_lost_is_missed_and_fetched_again(settings: Settings, name: str) -> None:
    folder = pull(resolve(name), settings, on_progress=lambda _: None)
    lost = next(folder.glob("s3gen*"))
    lost.unlink()
    assert f"it has no {lost.stem}" in installed(settings)[0].why_incomplete
    with pytest.raises(ModelMissing, match=f"voice-agent models pull {name}"):
        model_folder(name, "chatterbox", settings)
    pull(resolve(name), settings, on_progress=lambda _: None)
    assert lost.is_file()


def test_an_absent_model_says_what_to_do(settings: Settings, name: str) -> None:
    with pytest.raises(ModelMissing, match=f"run: voice-agent models pull {name}"):
        checkpoint(settings)


def test_a_repository_without_the_weights_is_refused(
    hub: ScriptedHub, settings: Settings, name: str
) -> None:
    hub.files = whisper_files()
    with pytest.raises(PullFailed, match=r"has no ve\.safetensors.*not a Chatterbox model"):
        pull(resolve(name), settings, on_progress=lambda _: None)
    assert not models_dir(settings).exists() or not installed(settings)


def test_the_families_are_not_taken_for_each_other(settings: Settings, name: str) -> None:
    with pytest.raises(UnknownModel, match=r"a model of chatterbox; check asr\.model"):
        model_folder(name, "whisper", settings)
    with pytest.raises(UnknownModel, match=r"a model of whisper; check tts\.model"):
        model_folder("tiny", "chatterbox", settings)
    folder = pull(resolve(name), settings, on_progress=lambda _: None)
    with pytest.raises(ModelMissing, match="it is a model of chatterbox"):
        model_folder(str(folder), "whisper", settings)


def test_two_models_of_one_repository_are_two() -> None:
    assert same_weights(CHATTERBOX["chatterbox"]) == ["chatterbox"]
