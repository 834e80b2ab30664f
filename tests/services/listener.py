"""A client of the TTS service that checks what every client may rely on."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from tests.services.conftest import RunningService

Message = dict[str, Any]
_DEADLINE_S = 20.0


@dataclass
class Answer:
    """What came for one request, in order.

    Attributes:
        chunks: Each message and its bytes.
        complete: The message that ended it.
        others: Every other message that came meanwhile.
    """

    chunks: list[tuple[Message, bytes]] = field(default_factory=list)
    complete: Message = field(default_factory=dict)
    others: list[Message] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.chunks)

    @property
    def samples(self) -> NDArray[np.float32]:
        return np.frombuffer(self.data, "<f4")

    @property
    def total_ms(self) -> float:
        return sum(message["duration_ms"] for message, _ in self.chunks)


class Listener:
    """One session."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ready: Message = {}
        self.received_s = 0.0
        self._seq = 0

    async def send(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def message(self) -> Message:
        """The next message, which must be JSON; checks `seq`."""
        async with asyncio.timeout(_DEADLINE_S):
            text = await self.socket.recv()
        assert isinstance(text, str), "bytes without an audio_chunk before them"
        message = json.loads(text)
        self._seq += 1
        assert message["seq"] == self._seq
        return message

    async def chunk(self, message: Message) -> tuple[Message, bytes]:
        """An `audio_chunk` and the bytes that must follow it at once."""
        assert message["type"] == "audio_chunk"
        async with asyncio.timeout(_DEADLINE_S):
            data = await self.socket.recv()
        assert isinstance(data, bytes)
        assert data
        self.received_s += message["duration_ms"] / 1000
        return message, data

    async def first_chunk(self) -> tuple[Message, bytes]:
        return await self.chunk(await self.message())

    async def answer(self) -> Answer:
        """Everything up to the next `synthesis_complete`."""
        answer = Answer()
        while True:
            message = await self.message()
            match message["type"]:
                case "audio_chunk":
                    answer.chunks.append(await self.chunk(message))
                case "synthesis_complete":
                    answer.complete = message
                    return answer
                case _:
                    answer.others.append(message)

    async def speak(self, text: str, **options: object) -> Answer:
        await self.send(type="synthesize", text=text, **options)
        return await self.answer()

    async def refusal(self, *data: str | bytes, **message: object) -> Message:
        """The error that a message gets."""
        for frame in data or [json.dumps(message)]:
            await self.socket.send(frame)
        error = await self.message()
        assert error["type"] == "error"
        return error


@asynccontextmanager
async def listening(service: RunningService, **options: Any) -> AsyncIterator[Listener]:
    """A session that was let in."""
    async with connect(service.ws, max_size=None, compression=None, **options) as connection:
        listener = Listener(connection)
        listener.ready = await listener.message()
        assert listener.ready["type"] == "ready"
        yield listener


def small_socket(service: RunningService) -> socket.socket:
    """A connected socket whose kernel keeps only a few KiB for a client that does not read."""
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connected.connect(("127.0.0.1", service.port))
    connected.setblocking(False)
    return connected


async def metric(service: RunningService, line: str) -> float:
    """A value of ``/metrics`` by its name and labels; 0 if it is not there."""
    async with httpx2.AsyncClient() as client:
        text = (await client.get(f"{service.http}/metrics")).text
    found = [row for row in text.splitlines() if row.startswith(f"{line} ")]
    return float(found[0].split()[-1]) if found else 0.0


async def until(condition: Callable[[], Any], deadline_s: float = 10.0) -> None:
    """Waits for something that no message announces."""
    async with asyncio.timeout(deadline_s):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)
