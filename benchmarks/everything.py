"""All that `make run` starts, on free ports."""

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.services import wait_until_ready

_END_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Everything:
    """Three services of one `voice-agent up`.

    Attributes:
        process: Its process; the services are children.
        port: Of the agent; the ASR and TTS services have the next two.
    """

    process: "subprocess.Popen[bytes]"
    port: int

    def url(self, path: str = "/ws", *, offset: int = 0) -> str:
        """WebSocket address of the agent, or of a service behind it (1 ASR, 2 TTS)."""
        return f"ws://127.0.0.1:{self.port + offset}{path}"


@contextmanager
def everything(**settings: str) -> Generator[Everything]:
    """Runs ``voice-agent up`` until it is ready.

    Args:
        settings: By environment name without prefix.
    """
    port = _free_ports()
    environment = os.environ | {f"VOICE_AGENT_{key}": value for key, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "voice_agent.cli", "up", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        for each in (port + 1, port + 2, port):
            wait_until_ready(process, f"http://127.0.0.1:{each}/readyz")
        yield Everything(process, port)
    finally:
        process.terminate()
        process.wait(_END_WITHIN_S)


def _free_ports() -> int:
    """The first of three free ports in a row."""
    for first in (8_000, *range(32_100, 60_000, 3)):
        try:
            for port in range(first, first + 3):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise RuntimeError("no three free ports in a row")
