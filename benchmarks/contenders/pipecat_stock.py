"""Pipecat's stock `WhisperSTTService`, with its Silero and Smart Turn: a model a session."""

import asyncio
import json
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.apps.stock_whisper import MODEL_VARIABLE
from benchmarks.callers import Microphone
from benchmarks.contenders.base import (
    OFFLINE,
    Server,
    free_port,
    quiet,
    running,
    sending,
    wait_for,
)
from benchmarks.settling import Shown


class PipecatStock:
    """`benchmarks.apps.stock_whisper`; its environment is ours."""

    name = "Pipecat 1.14 stock"
    environment = Path(".venv")

    @contextmanager
    def serving(self, model: Path) -> Generator[Server]:
        """On a free port."""
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.serve", "stock_whisper", str(port)]
        log = Path("build/benchmarks/pipecat_stock.log")
        environment = OFFLINE | {MODEL_VARIABLE: str(model)}
        with running(command, log=log, environment=environment) as process:
            wait_for(process, f"http://127.0.0.1:{port}/readyz", log)
            yield Server(process, port)

    async def session(self, port: int, microphone: Microphone, shown: list[Shown]) -> None:
        """One client; every transcription is settled."""
        url = f"ws://127.0.0.1:{port}/ws"
        async with connect(url, max_size=None, compression=None, open_timeout=60) as socket:
            async with asyncio.timeout(120):
                await socket.recv()  # the model is loaded
            reading = asyncio.create_task(_read(socket, shown))
            await sending(microphone, socket)
            await quiet(shown)
            reading.cancel()


async def _read(socket: ClientConnection, shown: list[Shown]) -> None:
    finals: list[str] = []
    async for data in socket:
        message = json.loads(data)
        if message.get("type") == "final":
            finals.append(message["text"])
            shown.append(Shown(time.monotonic(), " ".join(finals)))
