"""What a first start brings: the models that the defaults hear and speak with.

Only where the settings leave the choice to us and nothing is here; `models.offline` forbids it.
A start goes on without them: the service then is not ready, and says why.
"""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec

import typer

from voice_agent.cli.services import ServiceName
from voice_agent.errors import PullFailed
from voice_agent.settings import Settings

_EARS = "base"
_VOICE = "en_US-joe-medium"
_HEAR = {ServiceName.ASR, ServiceName.DIRECT, ServiceName.AGENT}
_SPEAK = {ServiceName.TTS, ServiceName.DIRECT, ServiceName.AGENT}


def bring_missing(services: Iterable[ServiceName], settings: Settings) -> None:
    """Pulls what these services need and lack, with progress on stderr.

    Never raises for want of a model: what could not be brought is said on stderr.
    """
    if settings.models.offline:
        return
    for name in _missing(set(services), settings):
        _bring(name, settings)


def _missing(services: set[ServiceName], settings: Settings) -> Iterator[str]:
    from voice_agent.weights.store import installed

    here = {model.family for model in installed(settings) if not model.why_incomplete}
    if services & _HEAR and _wants_ears(settings) and "whisper" not in here:
        yield _EARS
    if services & _SPEAK and _wants_voice(settings) and "piper" not in here:
        yield _VOICE


def _wants_ears(settings: Settings) -> bool:
    ours = settings.asr.engine in ("auto", "whisper") and not settings.asr.model
    return ours and all(find_spec(name) for name in ("ctranslate2", "faster_whisper"))


def _wants_voice(settings: Settings) -> bool:
    from voice_agent.engines.registry import SPEAKERS

    tts = settings.tts
    if tts.model or tts.engine not in ("auto", "piper") or "piper" not in SPEAKERS:
        return False
    # the voice speaks English; for other languages espeak-ng is there
    if settings.asr.language.partition("-")[0] not in ("en", "auto"):
        return False
    return tts.engine == "piper" or _no_better(settings)


def _no_better(settings: Settings) -> bool:
    """Whether `auto` would not take an engine that stands before Piper anyway."""
    from voice_agent.engines.registry import SPEAKERS

    before = list(SPEAKERS)[: list(SPEAKERS).index("piper")]
    choices = (SPEAKERS[name] for name in before)
    return all(choice.unusable(settings) or choice.unfit(settings) for choice in choices)


def _bring(name: str, settings: Settings) -> None:
    from voice_agent.cli.download import download_progress
    from voice_agent.weights.names import resolve
    from voice_agent.weights.pull import pull
    from voice_agent.weights.store import look, models_dir

    typer.echo(f"{name} is not in {models_dir(settings)} yet; getting it", err=True)
    try:
        with download_progress(name) as progress:
            folder = pull(
                resolve(name),
                settings,
                on_progress=progress.tell,
                on_refusal=progress.refused,
            )
    except PullFailed as error:
        typer.echo(f"{error.message}; starting without it", err=True)
    else:
        typer.echo(f"{name} is in {folder}, from {look(folder).source}", err=True)
