"""Which engines there are, and which one is picked.

An engine is added by an entry in one of the tables here. `auto` walks a table in order and
takes the first engine that can run here and now, so the best stands first; nothing is
downloaded. Where no model is that could hear, `Absent` stands for one and says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from voice_agent.engines.absent import Absent
from voice_agent.engines.base import Recognizer, Speaker
from voice_agent.errors import ModelMissing, SettingsError
from voice_agent.settings import Settings

E = TypeVar("E")

REMOTE = "remote"
"""A service instead of an engine, for the agent: `voice_agent.remote` has it."""


def _always(_: Settings) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec(Generic[E]):
    """An engine that may be picked.

    Attributes:
        build: Makes it, not loaded. Imports it only then: an engine that is not picked
            costs nothing and may miss its packages.
        unusable: Says why it cannot run here, or returns an empty string.
        because: Why it is the one, when `auto` takes it.
        hint: What a person can do to get a better one.
        unfit: Says why `auto` passes it over though it can run, or returns an empty string;
            asked only if it is usable.
        lacks_model: Whether all that it misses here is a model; asked only if it is not
            usable.
    """

    build: Callable[[Settings], E]
    unusable: Callable[[Settings], str]
    because: str
    hint: str = ""
    unfit: Callable[[Settings], str] = _always
    lacks_model: Callable[[Settings], bool] = lambda _: False


def _whisper(settings: Settings) -> Recognizer:
    from voice_agent.engines.whisper.engine import WhisperRecognizer
    from voice_agent.engines.whisper.placement import chosen_models

    return WhisperRecognizer(chosen_models(settings), settings.whisper)


def _no_whisper(settings: Settings) -> str:
    from voice_agent.engines.whisper.placement import unusable

    return unusable(settings)


def _lacks_whisper(settings: Settings) -> bool:
    from voice_agent.engines.whisper.placement import lacks_model

    return lacks_model(settings)


def _chatterbox(settings: Settings) -> Speaker:
    from voice_agent.engines.chatterbox.placement import checkpoint, device_and_precision
    from voice_agent.engines.chatterbox.speaker import ChatterboxSpeaker

    return ChatterboxSpeaker(
        checkpoint(settings), settings.chatterbox, lambda: device_and_precision(settings)
    )


def _no_chatterbox(settings: Settings) -> str:
    from voice_agent.engines.chatterbox.placement import unusable

    return unusable(settings)


def _slow_chatterbox(settings: Settings) -> str:
    from voice_agent.engines.chatterbox.placement import too_slow

    return too_slow(settings)


def _piper(settings: Settings) -> Speaker:
    from voice_agent.engines.piper.placement import chosen_voices, n_threads
    from voice_agent.engines.piper.speaker import PiperSpeaker

    return PiperSpeaker(
        chosen_voices(settings),
        settings.piper,
        fall_back=settings.tts.engine == "auto",
        n_threads=n_threads(settings),
    )


def _no_piper(settings: Settings) -> str:
    from voice_agent.engines.piper.placement import unusable

    return unusable(settings)


def _espeak(settings: Settings) -> Speaker:
    from voice_agent.engines.espeak.speaker import EspeakSpeaker

    # it speaks a whole clause before it looks again: 3 to 8 s of most texts
    return EspeakSpeaker(ahead_s=settings.tts.max_ahead_s / 5)


RECOGNIZERS: Mapping[str, EngineSpec[Recognizer]] = {
    "whisper": EngineSpec(
        build=_whisper,
        unusable=_no_whisper,
        lacks_model=_lacks_whisper,
        because="a Whisper model is on this machine",
    ),
}
SPEAKERS: Mapping[str, EngineSpec[Speaker]] = {
    "chatterbox": EngineSpec(
        build=_chatterbox,
        unusable=_no_chatterbox,
        unfit=_slow_chatterbox,
        because="Chatterbox's weights and a CUDA GPU are on this machine",
    ),
    "piper": EngineSpec(
        build=_piper,
        unusable=_no_piper,
        because="a Piper voice is on this machine: it speaks on a CPU, cannot clone voices",
        hint="with a CUDA GPU: make tts-env CUDA=1; voice-agent models pull chatterbox",
    ),
    "espeak": EngineSpec(
        build=_espeak,
        unusable=_always,
        because="embedded speaker: runs anywhere, needs no download, cannot clone voices",
        hint="voice-agent models pull en_US-joe-medium",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedEngine(Generic[E]):
    """An engine, why it was picked, and what would change that."""

    engine: E
    why: str
    hint: str = ""


def pick(table: Mapping[str, EngineSpec[E]], wanted: str, settings: Settings) -> SelectedEngine[E]:
    """Builds the engine that the settings ask for, or the best that can run.

    Args:
        table: `RECOGNIZERS` or `SPEAKERS`.
        wanted: A name of the table, or `auto`.
        settings: Where the engine finds what it needs.

    Raises:
        ModelMissing: `auto` finds no engine, and with a model there would be one.
        SettingsError: No such engine, or it cannot run here; the message says why.
    """
    if wanted == "auto":
        passed_over: list[str] = []
        for name, choice in table.items():
            reason = choice.unusable(settings) or choice.unfit(settings)
            if not reason:
                why = "; ".join([*passed_over, choice.because])
                return SelectedEngine(engine=choice.build(settings), why=why, hint=choice.hint)
            passed_over.append(f"{name}: {reason}")
        for choice in table.values():
            if choice.lacks_model(settings):
                raise ModelMissing(choice.unusable(settings))
        raise SettingsError("no engine can run here: " + "; ".join(passed_over))
    if wanted == REMOTE:
        raise SettingsError(f"{REMOTE} is for the agent; a service needs an engine of its own")
    choice = table.get(wanted)
    if choice is None:
        names = ", ".join(["auto", *table, REMOTE])
        raise SettingsError(f"there is no engine {wanted}; there are: {names}")
    if reason := choice.unusable(settings):
        raise SettingsError(f"{wanted} cannot run here: {reason}")
    return SelectedEngine(engine=choice.build(settings), why="chosen in the settings")


def pick_recognizer(settings: Settings) -> SelectedEngine[Recognizer]:
    """What hears, by the settings; `Absent` where `auto` lacks a model. Raises as `pick`."""
    try:
        return pick(RECOGNIZERS, settings.asr.engine, settings)
    except ModelMissing as error:
        reason = f"{error.message}, and start the service again"
        return SelectedEngine(engine=Absent(reason), why=reason)
