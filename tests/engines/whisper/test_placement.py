import os
from pathlib import Path
from typing import Any

import ctranslate2
import pytest

from voice_agent.engines.whisper.memory import keep_freed_memory
from voice_agent.engines.whisper.placement import (
    chosen_models,
    cpu_threads,
    placement,
    unusable,
)
from voice_agent.errors import ModelMissing, SettingsError, UnknownModel
from voice_agent.settings import Settings, WhisperSettings, load_settings

_HAS_GPU = ctranslate2.get_cuda_device_count() > 0
without_gpu = pytest.mark.skipif(_HAS_GPU, reason="a GPU changes what is picked")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def put(models: Path, *names: str) -> None:
    """Folders that look like whole models."""
    for name in names:
        folder = models / name
        folder.mkdir(parents=True)
        for file in ("config.json", "model.bin", "tokenizer.json", "vocabulary.json"):
            (folder / file).write_text("{}")


def settings(models: Path, model: str = "", **whisper: Any) -> Settings:
    return load_settings(
        models={"dir": models}, asr={"model": model}, whisper={"device": "cpu"} | whisper
    )


def chosen(models: Path, model: str = "", **whisper: Any) -> dict[str, Path]:
    return chosen_models(settings(models, model, **whisper))


def test_on_a_cpu_it_computes_in_int8() -> None:
    assert placement(WhisperSettings(device="cpu")) == ("cpu", "int8")


def test_a_compute_type_that_is_set_is_taken() -> None:
    for kind in ("float32", "default"):
        assert placement(WhisperSettings(device="cpu", compute_type=kind)) == ("cpu", kind)


def test_a_compute_type_that_the_device_lacks_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"float99 does not work on cpu; there are: .*int8"):
        placement(WhisperSettings(device="cpu", compute_type="float99"))


@without_gpu
def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused() -> None:
    assert placement(WhisperSettings()) == ("cpu", "int8")
    with pytest.raises(SettingsError, match="there is no CUDA GPU; use cpu or auto"):
        placement(WhisperSettings(device="cuda"))


@pytest.mark.gpu
def test_with_a_gpu_auto_takes_it() -> None:
    assert placement(WhisperSettings()) == ("cuda", "float16")


def test_threads_are_those_set_else_all_cores_but_one() -> None:
    assert cpu_threads(WhisperSettings(threads=3)) == 3
    assert cpu_threads(WhisperSettings()) == max(1, (os.cpu_count() or 1) - 1)


def test_a_model_is_chosen_by_name_or_folder(models: Path, tmp_path: Path) -> None:
    put(models, "tiny")
    put(tmp_path, "mine")
    assert chosen(models, "tiny") == {"tiny": models / "tiny"}
    assert chosen(models, f"{tmp_path}/mine") == {"mine": tmp_path / "mine"}
    assert chosen(models, f"{tmp_path}/mine/") == {"mine": tmp_path / "mine"}


def test_more_models_come_after_the_default(models: Path, tmp_path: Path) -> None:
    put(models, "tiny", "base")
    put(tmp_path, "mine")
    more = ["tiny", "base", str(tmp_path / "mine")]
    assert list(chosen(models, "base", more_models=more)) == ["base", "tiny", "mine"]


def test_two_models_of_one_name_are_refused(models: Path, tmp_path: Path) -> None:
    put(models, "base")
    put(tmp_path, "base")
    with pytest.raises(SettingsError, match="two models would be called base"):
        chosen(models, "base", more_models=[str(tmp_path / "base")])


@pytest.mark.parametrize(
    ("here", "picked"),
    [
        (("tiny", "base", "large-v3"), "base"),
        (("tiny", "tiny.en"), "tiny"),
        (("base.en", "tiny"), "base.en"),
    ],
)
def test_auto_takes_the_best_that_a_cpu_keeps_up_with(
    models: Path, here: tuple[str, ...], picked: str
) -> None:
    put(models, *here)
    assert list(chosen(models)) == [picked]


def test_auto_takes_small_where_there_are_many_cores(models: Path) -> None:
    put(models, "small", "base")
    assert list(chosen(models)) == ["small" if (os.cpu_count() or 1) >= 8 else "base"]


def test_auto_leaves_out_what_is_not_whole(models: Path) -> None:
    put(models, "tiny", "base")
    (models / "base" / "model.bin").unlink()
    assert list(chosen(models)) == ["tiny"]


def test_without_a_model_it_says_how_to_get_one(models: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^no Whisper model .*: voice-agent models pull base, "
    ):
        chosen(models)
    assert "voice-agent models pull base" in unusable(settings(models))


def test_models_that_are_not_picked_unasked_are_named(models: Path) -> None:
    put(models, "large-v3")
    with pytest.raises(SettingsError, match=r"large-v3.*set asr\.model"):
        chosen(models)
    assert list(chosen(models, "large-v3")) == ["large-v3"]
    assert not unusable(settings(models, "large-v3"))


def test_a_model_that_is_missing_is_one_sentence(models: Path) -> None:
    with pytest.raises(ModelMissing, match=r"model base is not on this machine .*models pull base"):
        chosen(models, "base")
    with pytest.raises(UnknownModel, match="did you mean"):
        chosen(models, "bass")
    put(models, "tiny")
    with pytest.raises(ModelMissing, match="pull base"):
        chosen(models, "tiny", more_models=["base"])
    for model in ("base", "bass", "/nowhere/base"):
        reason = unusable(settings(models, model))
        assert reason
        assert "\n" not in reason


def test_a_device_that_is_missing_makes_it_unusable(models: Path) -> None:
    put(models, "tiny")
    assert "float99 does not work" in unusable(settings(models, "tiny", compute_type="float99"))


@pytest.mark.skipif(not Path("/lib/x86_64-linux-gnu/libc.so.6").exists(), reason="no glibc")
def test_glibc_keeps_freed_memory() -> None:
    assert keep_freed_memory()
