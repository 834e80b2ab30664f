"""A Whisper model with random weights that says its script to any audio; built once."""

from pathlib import Path

import pytest

from benchmarks.random_whisper import build

SCRIPT = "It's 3 o'clock – please, open the window."


@pytest.fixture(scope="session")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a multilingual model."""
    folder = tmp_path_factory.mktemp("whisper") / "speaking"
    return build("micro", folder, script=SCRIPT, vocabulary="small")


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that understands English only, and says something else."""
    folder = tmp_path_factory.mktemp("whisper") / "english"
    return build("micro", folder, script="good morning", vocabulary="english", seed=1)
