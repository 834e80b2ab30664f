"""Which engines would be picked, without building any."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from voice_agent.cli.services import ServiceName
from voice_agent.engines.registry import (
    RECOGNIZERS,
    REMOTE,
    SPEAKERS,
    EngineSpec,
    SelectedEngine,
    pick,
)
from voice_agent.errors import ModelMissing, SettingsError
from voice_agent.records.check import check as check_records
from voice_agent.remote.addresses import addresses
from voice_agent.settings import Settings

_CONVERSE = {ServiceName.AGENT, ServiceName.DIRECT}


def recognizer_choice(settings: Settings) -> SelectedEngine[str]:
    """The name of the recogniser, and why. Raises as `pick`."""
    if settings.asr.engine == REMOTE:
        return SelectedEngine(engine=REMOTE, why=", ".join(addresses("asr.url", settings.asr.url)))
    return pick(_names(RECOGNIZERS), settings.asr.engine, settings)


def speaker_choice(settings: Settings) -> SelectedEngine[str]:
    """The name of the speaker, and why. Raises as `pick`."""
    if settings.tts.engine == REMOTE:
        return SelectedEngine(engine=REMOTE, why=", ".join(addresses("tts.url", settings.tts.url)))
    return pick(_names(SPEAKERS), settings.tts.engine, settings)


def check_choices(
    service: ServiceName, settings: Settings, *, may_lack_model: bool = False
) -> None:
    """Finds out whether a service has its engines, before it starts.

    Services of other processes need not be there yet.

    Args:
        service: Which one.
        settings: What it would start with.
        may_lack_model: Whether one that has no model to hear with may start: it is not
            ready then, and says why.

    Raises:
        ModelMissing: It lacks a model and may not.
        SettingsError: An engine that the settings ask for is unknown or cannot run here,
            the language model is half set, or records cannot be kept.
    """
    if service is ServiceName.ASR and settings.asr.engine == REMOTE:
        pick(_names(RECOGNIZERS), REMOTE, settings)
    if service is ServiceName.ASR or service in _CONVERSE:
        with suppress(*([ModelMissing] if may_lack_model else [])):
            recognizer_choice(settings)
    if service is ServiceName.TTS:
        pick(_names(SPEAKERS), settings.tts.engine, settings)
    if service in _CONVERSE:
        speaker_choice(settings)
    if service is ServiceName.AGENT and settings.llm.base_url and not settings.llm.model:
        raise SettingsError("llm.base_url is set and llm.model is not; name the model")
    if service is ServiceName.AGENT:
        check_records(settings.records)


def _names(table: Mapping[str, EngineSpec[Any]]) -> dict[str, EngineSpec[str]]:
    def named(name: str) -> EngineSpec[str]:
        def build(_: Settings) -> str:
            return name

        return replace(table[name], build=build)

    return {name: named(name) for name in table}
