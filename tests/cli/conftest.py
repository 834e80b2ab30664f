"""Services to speak with, and speech in files."""

from collections.abc import Generator
from pathlib import Path

import pytest
import soundfile

from tests.services.conftest import RunningService, asr, running, tts
from tests.speech import dialogue

__all__ = ["asr", "tts"]

SAID = "please open the window and close the door"


@pytest.fixture(scope="session")
def agent() -> Generator[RunningService]:
    """An agent with the embedded engines."""
    with running("agent") as service:
        yield service


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file in which `SAID` is said."""
    path = tmp_path_factory.mktemp("speech") / "spoken.wav"
    soundfile.write(path, dialogue([SAID], 0.7), 16_000)
    return path
