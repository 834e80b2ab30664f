"""Starts real services for a measurement, unless addresses of running ones are given."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import httpx2

_START_ATTEMPTS = 300


@contextmanager
def service(name: str, **settings: str) -> Generator[str]:
    """Runs a service as `serving` does; gives its WebSocket address."""
    with serving(name, **settings) as (_, port):
        yield f"ws://127.0.0.1:{port}/ws"


@contextmanager
def serving(name: str, **settings: str) -> "Generator[tuple[subprocess.Popen[str], int]]":
    """Runs ``voice-agent serve NAME`` on a free port; gives its process and port.

    Args:
        name: `asr`, `tts` or `agent`.
        settings: By environment name without prefix.
    """
    command = [sys.executable, "-m", "voice_agent.cli", "serve", name, "--port", "0"]
    environment = os.environ | {f"VOICE_AGENT_{key}": value for key, value in settings.items()}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        port = port_of(process)
        # a pipe that nobody reads is full after a while, and stops who writes to it
        threading.Thread(target=_discard, args=(process,), daemon=True).start()
        wait_until_ready(process, f"http://127.0.0.1:{port}/readyz")
        yield process, port
    finally:
        process.terminate()
        process.wait(60)


def _discard(process: "subprocess.Popen[str]") -> None:
    for _ in process.stderr or ():
        pass


def port_of(process: "subprocess.Popen[str]") -> int:
    """Port that a service says it listens on; RuntimeError if it ends before."""
    for line in process.stderr or ():
        if found := re.search(r"listening on http://\S+:(\d+)", line):
            return int(found[1])
    raise RuntimeError("the service did not start")


def wait_until_ready(process: "subprocess.Popen[Any]", url: str) -> None:
    """Waits until ``/readyz`` at `url` says yes; RuntimeError if it never does."""
    for _ in range(_START_ATTEMPTS):
        with suppress(httpx2.TransportError):  # not listening yet
            if httpx2.get(url).status_code == 200:
                return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    raise RuntimeError("the service did not become ready")
