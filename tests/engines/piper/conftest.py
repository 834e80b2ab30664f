"""The real voice, from the models folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests import real_models
from voice_agent.engines.piper.config import VoiceConfig, read_voice
from voice_agent.engines.piper.model import VitsModel, load_model
from voice_agent.engines.piper.speaker import PiperSpeaker
from voice_agent.settings import PiperSettings


@pytest.fixture(scope="session")
def voice_folder() -> Path:
    """Where the voice is that `make test` brings."""
    return real_models.joe()


@pytest.fixture(scope="session")
def voice(voice_folder: Path) -> VoiceConfig:
    """What is said of it."""
    return read_voice(voice_folder)


@pytest.fixture(scope="session")
def model(voice: VoiceConfig) -> VitsModel:
    """Its model, without threads around it."""
    return load_model(voice.path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaker(voice: VoiceConfig) -> AsyncIterator[PiperSpeaker]:
    """The engine; a module's tests share it, and leave no job open."""
    engine = PiperSpeaker([voice], PiperSettings(), fall_back=False, n_threads=2)
    await engine.load()
    await engine.warm_up()
    yield engine
    await engine.close()
