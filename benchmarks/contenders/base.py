"""What all contenders have in common: a server process, and a client of its protocol."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.callers import Microphone
from benchmarks.services import wait_until_ready
from benchmarks.settling import Shown

_START_WITHIN_S = 120.0
_END_WITHIN_S = 30.0
_QUIET_S = 15.0  # without a change: on a busy machine some decode a sentence for so long
_QUIET_AT_MOST_S = 60.0
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": ""}
"""For servers of others: nothing is fetched in a measurement, a missing file is an error."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: "subprocess.Popen[Any]"
    port: int


class Contender(Protocol):
    """One of those that are compared.

    Attributes:
        name: As the table shows it.
    """

    name: str

    def serving(self, model: Path) -> AbstractContextManager[Server]:
        """Runs its server with a CTranslate2 model of Whisper; RuntimeError if it cannot."""
        ...

    async def session(self, port: int, microphone: Microphone, shown: list[Shown]) -> None:
        """Speaks one script, and adds to `shown` as it comes."""
        ...


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str] | None = None
) -> "Generator[subprocess.Popen[bytes]]":
    """Runs a command, with its output in `log`; ends it afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_END_WITHIN_S)


async def sending(microphone: Microphone, socket: "Sends") -> None:
    """Sends the microphone's frames as they are, one a message."""
    async for frame in microphone.frames():
        await socket.send(frame)


class Sends(Protocol):
    """A connection."""

    async def send(self, message: bytes, /) -> None:
        """Sends one message."""
        ...


def wait_for(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Waits until `url` answers 200; RuntimeError with the end of the log if it never does."""
    try:
        wait_until_ready(process, url)
    except RuntimeError as error:
        raise RuntimeError(f"{error}: {log.read_text(errors='replace')[-500:]}") from error


def listening(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Waits until somebody listens on `port`; RuntimeError if the process ends before."""
    deadline_s = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"it does not listen: {log.read_text(errors='replace')[-500:]}")


async def quiet(shown: Sequence[Shown]) -> None:
    """Waits, after the last audio, until the text does not change any more."""
    until_s = time.monotonic() + _QUIET_AT_MOST_S
    text, since_s = "", time.monotonic()
    while time.monotonic() < min(since_s + _QUIET_S, until_s):
        now = f"{shown[-1].settled} {shown[-1].tentative}" if shown else ""
        if now != text:
            text, since_s = now, time.monotonic()
        await asyncio.sleep(0.1)
