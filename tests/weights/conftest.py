"""A hub with one model, and settings that point there."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.scripted_hub import ScriptedHub, serving, whisper_files
from voice_agent.settings import ModelsSettings, Settings


@pytest.fixture
def hub() -> Generator[ScriptedHub]:
    """A hub that has `tiny`."""
    with serving(ScriptedHub(files=whisper_files())) as scripted:
        yield scripted


@pytest.fixture
def settings(hub: ScriptedHub, tmp_path: Path) -> Settings:
    """Settings with an empty folder for models, and the scripted hub."""
    models = ModelsSettings(dir=tmp_path / "models", hub_url=hub.url)
    return Settings(models=models, data_dir=tmp_path)
