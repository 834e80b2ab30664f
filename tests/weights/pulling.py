"""Pulling from the scripted hub."""

from pathlib import Path

import pytest

from tests.scripted_hub import whisper_files
from voice_agent.errors import ModelMissing, PullFailed
from voice_agent.settings import Settings
from voice_agent.weights.names import WHISPER, resolve
from voice_agent.weights.pull import Progress, pull
from voice_agent.weights.store import model_folder
from voice_agent.weights.transfer import Patience

TINY = WHISPER["tiny"]
NEEDED = {name: data for name, data in whisper_files().items() if name.endswith((".json", ".bin"))}
NEEDED.pop("sub/model.bin")
N_BYTES = sum(map(len, NEEDED.values()))
MODEL_BYTES = len(NEEDED["model.bin"])
# tries follow each other at once
HASTY = Patience(silence_s=5, waits_s=(0, 0, 0))


def quietly(_: Progress) -> None:
    """Nobody looks."""


def pulled(settings: Settings, name: str = "tiny", patience: Patience = HASTY) -> Path:
    return pull(resolve(name), settings, on_progress=quietly, patience=patience)


def same_as_hub(folder: Path) -> bool:
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    found.pop("voice-agent.json")
    return found == NEEDED


def failed(settings: Settings, name: str = "tiny", patience: Patience = HASTY) -> str:
    """What a pull that must fail says; no model may be there after it."""
    with pytest.raises(PullFailed) as raised:
        pulled(settings, name, patience)
    with pytest.raises(ModelMissing):
        model_folder("tiny", "whisper", settings)
    assert "\n" not in raised.value.message
    return raised.value.message
