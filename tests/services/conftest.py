"""Real services in processes of their own, and clients that speak to them."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import real_models
from tests.phone_talk import MODEL

_ROOT = Path(__file__).parents[2]
_START_TIMEOUT_S = 60.0
# What hears in the tests unless they say otherwise: it understands what they say, and is fast.
_HEARS = {"ASR__ENGINE": "whisper", "ASR__MODEL": MODEL}
# What speaks: it says the same samples every time, and costs next to nothing.
_SPEAKS = {"TTS__ENGINE": "espeak"}
_ENGINES = {"asr": _HEARS, "tts": _SPEAKS, "agent": {**_HEARS, **_SPEAKS}}
# Where it matters what is understood, a real model hears instead; a machine that is busy with
# something else may take its time, and loses no words by that.
_IN_ITS_TIME: dict[str, Any] = {"ASR__FINAL_TIMEOUT_S": 60}
# Tests of clients that vanish look at what is left of them, and do not want to wait for it.
_SOON_OVER: dict[str, Any] = {"SERVER__RESUME_S": 1}


@dataclass
class RunningService:
    """A service that is ready.

    Attributes:
        process: Its process, to measure or to signal.
        port: Where it listens, on 127.0.0.1.
        log: What it has logged so far.
    """

    process: "subprocess.Popen[str]"
    port: int
    log: list[str]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"


def hears_with(folder: Path) -> dict[str, Any]:
    """Settings of an ASR service or an agent that hears with a real model."""
    return {"ASR__MODEL": folder, **_IN_ITS_TIME}


@contextmanager
def running(
    service: str, *, port: int = 0, until_ready: bool = True, **settings: object
) -> Iterator[RunningService]:
    """Starts ``voice-agent serve`` and ends it afterwards.

    Args:
        service: `asr`, `tts`, …; or a module that serves on a free port itself.
        port: Where it listens; 0 takes a free one.
        until_ready: Wait until it is ready, and not only until it listens.
        settings: By environment name without prefix (``SERVER__MAX_SESSIONS=2``).
    """
    chosen = {**_ENGINES.get(service, {}), **settings}
    named = {f"VOICE_AGENT_{name}": str(v) for name, v in chosen.items()}
    environment = {**os.environ, **named}
    serve = ["voice_agent.cli", "serve", service, "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", *([service] if "." in service else serve)],
        cwd=_ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    log: list[str] = []
    listening = threading.Event()

    def read() -> None:
        nonlocal port
        assert process.stderr is not None
        for line in process.stderr:
            log.append(line)
            if match := re.search(r"listening on http://[^:]+:(\d+)", line):
                port = int(match[1])
                listening.set()
        listening.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        if not listening.wait(_START_TIMEOUT_S) or process.poll() is not None:
            raise RuntimeError(f"{service} did not start:\n" + "".join(log))
        running_service = RunningService(process, port, log)
        if until_ready:
            _wait_until_ready(running_service)
        yield running_service
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"{service} does not end:\n" + "".join(log[-30:])) from None
        finally:
            reader.join(5)
            if process.stderr is not None:
                process.stderr.close()


def _wait_until_ready(service: RunningService) -> None:
    with httpx2.Client(transport=httpx2.HTTPTransport(retries=5)) as client:
        for _ in range(600):
            if service.process.poll() is not None:
                raise RuntimeError("the service ended:\n" + "".join(service.log))
            if client.get(f"{service.http}/readyz").status_code == 200:
                return
            threading.Event().wait(0.1)
    raise RuntimeError("the service did not become ready:\n" + "".join(service.log))


@pytest.fixture(scope="session")
def asr() -> Generator[RunningService]:
    """One ASR service for all tests that do not need their own settings."""
    with running("asr", **_SOON_OVER) as service:
        yield service


@pytest.fixture(scope="session")
def base_asr() -> Generator[RunningService]:
    """An ASR service that hears with the real `base`."""
    with running("asr", **hears_with(real_models.base())) as service:
        yield service


@pytest.fixture(scope="session")
def tiny_asr() -> Generator[RunningService]:
    """An ASR service that hears with the real `tiny.en`."""
    with running("asr", **hears_with(real_models.tiny_en())) as service:
        yield service


@pytest.fixture(scope="session")
def tts() -> Generator[RunningService]:
    """One TTS service for all tests that do not need their own settings."""
    with running("tts", **_SOON_OVER) as service:
        yield service


@pytest.fixture(scope="session")
def agent() -> Generator[RunningService]:
    """One agent for all tests that do not need their own settings."""
    with running("agent", **_SOON_OVER) as service:
        yield service
