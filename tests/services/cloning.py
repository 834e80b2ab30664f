"""A TTS service that can clone: ``python -m tests.services.cloning`` serves it.

Everything but the speaker is what runs in production. `tts.model` sets the checkpoint of the
scripted cloner, and `tts.url` how many seconds it needs for conditioning.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from benchmarks.services import wait_until_ready
from bots.tts import bot
from tests.scripted_cloner import ScriptedCloner
from tests.services.conftest import RunningService
from voice_agent.engines.engine_set import EngineSet
from voice_agent.log import set_up_logging
from voice_agent.server.app import Service, create_app
from voice_agent.server.run import run_app
from voice_agent.server.speech import speech_router
from voice_agent.server.voices import voices_router
from voice_agent.settings import Settings, load_settings

_ROOT = Path(__file__).parents[2]
_WAIT_S = 0.1


def engines(settings: Settings) -> EngineSet:
    """A cloner and nothing else."""
    cloner = ScriptedCloner(
        checkpoint=settings.tts.model or "0" * 16, condition_s=float(settings.tts.url or 0)
    )
    return EngineSet(speaker=cloner)


app = create_app(
    Service(name="tts", bot=bot, engines=engines, routers=(speech_router, voices_router))
)


class Cloning(RunningService):
    """A service that clones, with its log in a file."""

    log_file: Path

    @property
    def logged(self) -> str:
        return self.log_file.read_text()


@contextmanager
def cloning(voices: Path, log: Path, **settings: object) -> Iterator[Cloning]:
    """Starts the service on a free port and ends it afterwards.

    Args:
        voices: Where its voices are kept.
        log: File for its log.
        settings: By environment name without prefix.
    """
    values = {"VOICES__DIR": voices, "LOG__LEVEL": "DEBUG", **settings}
    environment = {**os.environ, **{f"VOICE_AGENT_{k}": str(v) for k, v in values.items()}}
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.services.cloning"],
            cwd=_ROOT,
            env=environment,
            stderr=stderr,
            text=True,
        )
    try:
        service = Cloning(process, _port(process, log), [])
        service.log_file = log
        wait_until_ready(process, f"{service.http}/readyz")
        yield service
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: "subprocess.Popen[str]", log: Path) -> int:
    for _ in range(600):
        if found := re.search(r"listening on http://\S+?:(\d+)", log.read_text()):
            return int(found[1])
        try:
            process.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            continue
        break
    raise RuntimeError("the service did not start:\n" + log.read_text())


def voices_of(service: Cloning) -> list[str]:
    """Ids of the registered voices."""
    listed = httpx2.get(f"{service.http}/v1/voices").json()["voices"]
    return [voice["voice_id"] for voice in listed if voice["cloned"]]


if __name__ == "__main__":
    values = load_settings()
    set_up_logging("tts", values.log, values.privacy)
    run_app("tests.services.cloning:app", host="127.0.0.1", port=0, settings=values)
