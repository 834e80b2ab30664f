"""Where a Whisper model runs and which one: by the settings, else by what this machine has."""

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from voice_agent.errors import ModelMissing, SettingsError
from voice_agent.settings import Settings, WhisperSettings
from voice_agent.weights.store import installed, model_folder, models_dir

# What `auto` prefers, the best first. On a CPU a model has to keep up with speech: small
# takes about a second of one core for a second of speech with partials, base a third of it.
_ON_GPU = ("turbo", "large-v3-turbo", "large-v3", "medium", "small", "base", "tiny")
_ON_CPU = ("base", "base.en", "tiny", "tiny.en")
_ON_MANY_CORES = ("small", "small.en", *_ON_CPU)
_MANY_CORES = 8


def placement(settings: WhisperSettings) -> tuple[str, str]:
    """Device and compute type to load models with.

    Raises:
        SettingsError: This machine does not have the device, or the device not the type.
    """
    ctranslate2: Any = import_module("ctranslate2")
    gpus: int = ctranslate2.get_cuda_device_count()
    device = settings.device
    if device == "auto":
        device = "cuda" if gpus else "cpu"
    if device == "cuda" and not gpus:
        raise SettingsError("whisper.device is cuda, but there is no CUDA GPU; use cpu or auto")
    supported: set[str] = ctranslate2.get_supported_compute_types(device)
    if settings.compute_type != "auto":
        if settings.compute_type not in supported | {"default"}:
            raise SettingsError(
                f"whisper.compute_type {settings.compute_type} does not work on {device}; "
                f"there are: {', '.join(sorted(supported))}"
            )
        return device, settings.compute_type
    wanted = ("float16", "int8_float16", "float32") if device == "cuda" else ("int8", "float32")
    return device, next(kind for kind in wanted if kind in supported)


def cpu_threads(settings: WhisperSettings) -> int:
    """Threads to load models with: those set, else all cores but one."""
    return settings.threads or max(1, (os.cpu_count() or 1) - 1)


def chosen_models(settings: Settings) -> dict[str, Path]:
    """Folders of the models to load by name, the default first.

    Raises:
        SettingsError: None is set and none is here, one is missing or not whole, or two
            would go by the same name.
    """
    chosen: dict[str, Path] = {}
    for name in [settings.asr.model or _best(settings), *settings.whisper.more_models]:
        folder = model_folder(name, "whisper", settings)
        other = chosen.setdefault(_short(name), folder)
        if other != folder:
            raise SettingsError(
                f"two models would be called {_short(name)}: {other} and {folder}; rename one"
            )
    return chosen


def unusable(settings: Settings) -> str:
    """Why Whisper cannot run here, or an empty string."""
    missing = [name for name in ("ctranslate2", "faster_whisper") if find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed (extra whisper)"
    try:
        placement(settings.whisper)
        chosen_models(settings)
    except SettingsError as error:
        return error.message
    return ""


def lacks_model(settings: Settings) -> bool:
    """Whether Whisper could run here, if only the model were there."""
    try:
        placement(settings.whisper)
        chosen_models(settings)
    except ModelMissing:
        return True
    except (ImportError, SettingsError):
        pass
    return False


def _best(settings: Settings) -> str:
    """The most accurate of the models that are here which this machine can keep up with."""
    device, _ = placement(settings.whisper)
    here = [
        model.name
        for model in installed(settings)
        if model.family == "whisper" and not model.why_incomplete
    ]
    for name in _preferred(device):
        if name in here:
            return name
    if here:
        raise ModelMissing(
            f"none of the models on this machine is picked unasked ({', '.join(here)}); "
            "set asr.model to one of them, or run: voice-agent models pull base"
        )
    raise ModelMissing(
        "no Whisper model is on this machine; run: voice-agent models pull base, or copy the"
        f" folder of one to {models_dir(settings)}"
    )


def _preferred(device: str) -> Sequence[str]:
    if device == "cuda":
        return _ON_GPU
    return _ON_MANY_CORES if (os.cpu_count() or 1) >= _MANY_CORES else _ON_CPU


def _short(name: str) -> str:
    """How sessions ask for it: a folder goes by its last part."""
    return Path(name).name if os.sep in name else name
