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

from tests.phone_talk import MODEL

_ROOT = Path(__file__).parents[2]
_START_TIMEOUT_S = 60.0
# What hears in the tests unless they say otherwise: it understands what they say, and is fast.
_HEARS = {"ASR__ENGINE": "whisper", "ASR__MODEL": MODEL}
# Tests of clients that vanish look at what is left of them, and do not want to wait for it.
_SOON_OVER = {"SERVER__RESUME_S": 1}
EMBEDDED: dict[str, Any] = {"ASR__ENGINE": "pocketsphinx", "ASR__MODEL": ""}
"""Settings for the recogniser that a fresh checkout has."""


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


@contextmanager
def running(service: str, *, port: int = 0, **settings: object) -> Iterator[RunningService]:
    """Starts ``voice-agent serve`` and ends it afterwards.

    Args:
        service: `asr`, `tts`, …; or a module that serves on a free port itself.
        port: Where it listens; 0 takes a free one.
        settings: By environment name without prefix (``SERVER__MAX_SESSIONS=2``).
    """
    chosen = {**_HEARS, **settings} if service in ("asr", "agent") else settings
    environment = {
        **os.environ,
        **{f"VOICE_AGENT_{name}": str(value) for name, value in chosen.items()},
    }
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
def tts() -> Generator[RunningService]:
    """One TTS service for all tests that do not need their own settings."""
    with running("tts", **_SOON_OVER) as service:
        yield service


@pytest.fixture(scope="session")
def agent() -> Generator[RunningService]:
    """One agent for all tests that do not need their own settings."""
    with running("agent", **_SOON_OVER) as service:
        yield service
