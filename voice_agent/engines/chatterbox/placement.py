"""Which Chatterbox model there is, where it would run, and why it cannot; without torch
until everything else is there."""

import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from voice_agent.engines.chatterbox.checkpoint import CheckpointFiles, find_checkpoint
from voice_agent.errors import SettingsError
from voice_agent.settings import Settings
from voice_agent.weights.store import model_folder, models_dir

_PACKAGES = ("torch", "chatterbox", "s3tokenizer", "librosa", "perth", "transformers")
_FOLDER = "chatterbox"


def missing_packages() -> list[str]:
    """Which of the packages that the engine imports are not installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if "chatterbox" not in missing and not _is_ours():
        missing.append("chatterbox-streaming (chatterbox-tts has the same module name)")
    return missing


def _is_ours() -> bool:
    try:
        version("chatterbox-tts")
    except PackageNotFoundError:
        return True
    return False


def checkpoint(settings: Settings) -> CheckpointFiles:
    """The checkpoint to load.

    Raises:
        SettingsError: There is none, or not all of it; the message says what to do.
    """
    wanted = settings.tts.model or _FOLDER
    folder = Path(wanted).expanduser()
    if os.sep not in wanted and not folder.is_dir():
        folder = models_dir(settings) / wanted
        if not folder.is_dir():
            folder = model_folder(wanted, "chatterbox", settings)
    return find_checkpoint(folder, settings.chatterbox.variant)


def device_and_precision(settings: Settings) -> tuple[str, str]:
    """Where to run and in which precision the transformers; imports torch.

    Raises:
        SettingsError: This machine does not have the device.
    """
    torch: Any = import_module("torch")
    there = bool(torch.cuda.is_available())
    device = settings.chatterbox.device
    if device == "auto":
        device = "cuda" if there else "cpu"
    if device.startswith("cuda") and not there:
        raise SettingsError("chatterbox.device is cuda, but there is no CUDA GPU; use cpu or auto")
    precision = settings.chatterbox.precision
    if precision == "auto":
        precision = "bfloat16" if device.startswith("cuda") else "float32"
    return device, precision


def unusable(settings: Settings) -> str:
    """Why Chatterbox cannot run here, or an empty string; never raises."""
    if missing := missing_packages():
        return f"{', '.join(missing)} not installed (make tts-env)"
    try:
        checkpoint(settings)
        device_and_precision(settings)
    except SettingsError as error:
        return error.message
    return ""


def too_slow(settings: Settings) -> str:
    """Why it could run here but not keep up with speech, or an empty string; never raises.

    On a CPU two seconds of audio take the full model three minutes.
    """
    device, _ = device_and_precision(settings)
    return "" if device.startswith("cuda") else "there is no CUDA GPU, and a CPU is too slow for it"
