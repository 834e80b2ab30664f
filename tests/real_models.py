"""Folders of the real models that tests listen and speak with; `make test` brings them.

    recogniser = Settings(asr=AsrSettings(engine="whisper", model=str(real_models.base())))

A test that asks for one which is not on this machine fails, and says what to run.
"""

from functools import cache
from pathlib import Path

import pytest

from voice_agent.errors import SettingsError
from voice_agent.settings import load_settings
from voice_agent.weights.names import Family
from voice_agent.weights.store import model_folder


def base() -> Path:
    """Whisper `base`: 99 languages, 148 MB."""
    return _folder("base", "whisper")


def tiny_en() -> Path:
    """Whisper `tiny.en`: English, 78 MB, a third of the work."""
    return _folder("tiny.en", "whisper")


def joe() -> Path:
    """The Piper voice `en_US-joe-medium`."""
    return _folder("en_US-joe-medium", "piper")


def smollm2() -> Path:
    """SmolLM2-135M-Instruct as GGUF; not brought by `make test`, but by who needs it."""
    return _folder("smollm2-135m-instruct", "gguf")


@cache
def _folder(name: str, family: Family) -> Path:
    try:
        # absolute: services of tests are started elsewhere
        return model_folder(name, family, load_settings()).absolute()
    except SettingsError as error:
        pytest.fail(f"this test needs a real model: {error.message}", pytrace=False)
