"""Which Piper voices there are on this machine, and why none can speak; loads nothing."""

import os

from loguru import logger

from voice_agent.engines.piper.config import VoiceConfig, read_voice
from voice_agent.errors import ModelMissing, SettingsError
from voice_agent.settings import Settings
from voice_agent.weights.names import PIPER
from voice_agent.weights.store import installed, model_folder, models_dir

_MOST_THREADS = 2
"""Windows at once, of as many cores as there are: two speak 20 s of speech a second, which is
sixteen callers without a pause."""


def chosen_voices(settings: Settings) -> list[VoiceConfig]:
    """The voices to speak with, the default first.

    That is `tts.model`; without it a voice that is pinned in the catalogue, or else the first by
    name. Other installed voices that can be used follow.

    Raises:
        SettingsError: There is none, or the one that is asked for cannot be used.
    """
    wanted = settings.tts.model
    first = [read_voice(model_folder(wanted, "piper", settings))] if wanted else []
    others = [voice for voice in _installed(settings) if voice.voice_id not in _ids(first)]
    others.sort(key=lambda voice: (voice.path.stem not in PIPER, voice.voice_id))
    if not (found := first + others):
        names = " or ".join(PIPER)
        raise ModelMissing(
            f"there is no Piper voice in {models_dir(settings)}; run: "
            f"voice-agent models pull {names}"
        )
    return found


def n_threads(settings: Settings) -> int:
    """Windows that are made at once."""
    return settings.piper.threads or min(_cores(), _MOST_THREADS)


def unusable(settings: Settings) -> str:
    """Why Piper cannot speak here, or an empty string; never raises."""
    try:
        chosen_voices(settings)
    except SettingsError as error:
        return error.message
    return ""


def _installed(settings: Settings) -> list[VoiceConfig]:
    voices = list[VoiceConfig]()
    for model in installed(settings):
        if model.family != "piper":
            continue
        try:
            if model.why_incomplete:
                raise ModelMissing(model.why_incomplete)
            voices.append(read_voice(model.folder))
        except ModelMissing as error:
            logger.warning("the voice {} is left out: {}", model.name, error)
    return voices


def _ids(voices: list[VoiceConfig]) -> set[str]:
    return {voice.voice_id for voice in voices}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
