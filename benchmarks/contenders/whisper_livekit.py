"""WhisperLiveKit: faster-whisper under its local agreement, in an environment of its own."""

import asyncio
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.callers import Microphone
from benchmarks.contenders.base import OFFLINE, Server, free_port, running, sending, wait_for
from benchmarks.settling import Shown

_ENVIRONMENT = Path(".venv-peers-whisper-livekit")


class WhisperLiveKit:
    """Its server, with raw PCM as input and else its defaults."""

    name = "WhisperLiveKit 0.2.26"
    environment = _ENVIRONMENT

    @contextmanager
    def serving(self, model: Path) -> Generator[Server]:
        """On a free port."""
        port = free_port()
        command = [
            *(_ENVIRONMENT / "bin" / "whisperlivekit-server", "--host", "127.0.0.1"),
            *("--port", port, "--model_dir", model, "--lan", "en", "--pcm-input"),
            *("--backend", "faster-whisper", "--backend-policy", "localagreement"),
            *("--log-level", "ERROR"),
        ]
        log = Path("build/benchmarks/whisper_livekit.log")
        with running(command, log=log, environment=OFFLINE) as process:
            wait_for(process, f"http://127.0.0.1:{port}/health", log)
            yield Server(process, port)

    async def session(self, port: int, microphone: Microphone, shown: list[Shown]) -> None:
        """One client: its `lines` are settled, its `buffer_transcription` is not."""
        url = f"ws://127.0.0.1:{port}/asr"
        connecting = connect(url, max_size=None, compression=None)
        async with connecting as socket, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(socket, shown))
            await sending(microphone, socket)
            await socket.send(b"")  # no more audio
            await reading


async def _read(socket: ClientConnection, shown: list[Shown]) -> None:
    async for data in socket:
        message = json.loads(data)
        if message.get("type") == "ready_to_stop":
            return
        if "lines" in message:
            settled = " ".join(line.get("text") or "" for line in message["lines"])
            tentative = message.get("buffer_transcription") or ""
            shown.append(Shown(time.monotonic(), settled, tentative))
