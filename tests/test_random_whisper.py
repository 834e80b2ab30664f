"""The checkpoints with random weights, on which the tests of the Whisper engine stand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel

from benchmarks.random_whisper import build

_SCRIPT = "It's 3 o'clock – please, open the window."
_NOISE = np.random.default_rng(0).normal(0, 0.1, 4 * 16_000).astype(np.float32)


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    return build("micro", folder, script=_SCRIPT, vocabulary="small")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    return build("micro", folder, script=_SCRIPT, vocabulary="english")


def heard(model: WhisperModel, **options: Any) -> str:
    segments, _ = model.transcribe(_NOISE, **options)
    return "".join(segment.text for segment in segments).strip()


def loaded(folder: Path) -> WhisperModel:
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)


@pytest.mark.parametrize(
    "options",
    [
        {"language": "en", "beam_size": 1},
        {"language": "de", "beam_size": 5},
        {"language": "en", "temperature": 0.8},
        {"language": "en", "without_timestamps": True},
        {},
    ],
)
def test_a_model_says_its_script_however_it_is_asked(
    multilingual: Path, options: dict[str, Any]
) -> None:
    model = loaded(multilingual)
    assert model.model.is_multilingual
    assert heard(model, **options) == _SCRIPT


def test_a_model_takes_itself_for_english(multilingual: Path) -> None:
    language, probability, _ = loaded(multilingual).detect_language(_NOISE)
    assert language == "en"
    assert probability > 0.99


def test_a_model_of_one_language_says_its_script(english: Path) -> None:
    model = loaded(english)
    assert not model.model.is_multilingual
    assert heard(model) == _SCRIPT


def test_words_have_times(multilingual: Path) -> None:
    segments, _ = loaded(multilingual).transcribe(_NOISE, language="en", word_timestamps=True)
    words = [word for segment in segments for word in segment.words or ()]
    assert len(words) >= len(_SCRIPT.split())
    assert "".join(word.word for word in words).strip() == _SCRIPT


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first, again, other = (
        (build("micro", tmp_path / name, seed=seed, vocabulary="small") / "model.bin").read_bytes()
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again != other


def test_a_script_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokens"):
        build("micro", tmp_path, script="a b " * 300, vocabulary="small")
