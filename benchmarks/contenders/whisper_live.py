"""WhisperLive with its faster-whisper backend, in an environment of its own."""

import asyncio
import json
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.sync.client import connect as connect_blocking

from benchmarks.callers import Microphone
from benchmarks.contenders.base import (
    OFFLINE,
    Server,
    free_port,
    listening,
    quiet,
    running,
    sending,
)
from benchmarks.settling import Shown

_ENVIRONMENT = Path(".venv-peers-whisper-live")
_START_S = 120.0


class WhisperLive:
    """Its server with one model for all; Silero (of faster-whisper) before every decode.

    Args:
        batched: With its batches over sessions, which it has off by default.
    """

    environment = _ENVIRONMENT

    def __init__(self, *, batched: bool = False) -> None:
        self._batched = batched
        self.name = "WhisperLive 0.10.0" + (", batched" if batched else "")

    @contextmanager
    def serving(self, model: Path) -> Generator[Server]:
        """On a free port, with its model loaded."""
        port = free_port()
        script = Path(__file__).with_name("whisper_live_server.py")
        how = "batched" if self._batched else "alone"
        command = [_ENVIRONMENT / "bin" / "python", "-P", script, model, str(port), how]
        log = Path("build/benchmarks/whisper_live.log")
        with running(command, log=log, environment=OFFLINE) as process:
            listening(process, port, log)
            with connect_blocking(f"ws://127.0.0.1:{port}") as socket:
                socket.send(json.dumps(_options()))  # the first client makes it load the model
                socket.recv(_START_S)
            yield Server(process, port)

    async def session(self, port: int, microphone: Microphone, shown: list[Shown]) -> None:
        """One client; completed segments are settled, and at the end all of them are."""
        url = f"ws://127.0.0.1:{port}"
        async with connect(url, max_size=None, compression=None) as socket:
            await socket.send(json.dumps(_options()))
            async with asyncio.timeout(_START_S):
                if json.loads(await socket.recv()).get("message") != "SERVER_READY":
                    raise RuntimeError("the server refused a client")
            reading = asyncio.create_task(_read(socket, shown))
            await sending(microphone, socket)
            await quiet(shown)
            await socket.send(b"END_OF_AUDIO")
            reading.cancel()
        if shown:
            shown.append(Shown(time.monotonic(), f"{shown[-1].settled} {shown[-1].tentative}"))


def _options() -> dict[str, object]:
    return {
        "uid": str(uuid.uuid4()),
        "language": "en",
        "task": "transcribe",
        "model": "base",
        "use_vad": True,
        "audio_format": "int16",
        "send_last_n_segments": 1_000_000,  # all: the text of the whole session
    }


async def _read(socket: ClientConnection, shown: list[Shown]) -> None:
    async for data in socket:
        segments = json.loads(data).get("segments", [])
        if segments:
            done = [each["text"].strip() for each in segments if each.get("completed")]
            more = [each["text"].strip() for each in segments if not each.get("completed")]
            shown.append(Shown(time.monotonic(), " ".join(done), " ".join(more)))
