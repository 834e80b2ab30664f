"""A client that comes back, written from docs/protocol.md alone."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.services.conftest import RunningService

LONG = "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun. " * 8
REQUESTS = (
    {
        "text": LONG,
        "encoding": "pcm_s16le",
        "sample_rate": 8000,
        "chunk_size": 10,
        "request_id": "first",
    },
    {"text": "Good morning.", "request_id": "second"},
    {"text": "  ", "request_id": "nothing to speak"},
    {"text": LONG, "encoding": "mulaw", "sample_rate": 8000, "request_id": "third"},
)
Message = dict[str, Any]
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Whole:
    """A message and the binary frame that followed it."""

    message: Message
    data: bytes = b""

    @property
    def kind(self) -> str:
        return self.message["type"]


class Traveller:
    """One session over several connections; made by `travelling`.

    Attributes:
        heard: Every numbered message of the session, once.
        greetings: Each `ready`, and what came before it.
        code: Close code of the last connection.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[Whole] = []
        self.greetings: list[Message] = []
        self.last_seq = 0
        self.code: int | None = None
        self._sent: list[str | bytes] = []
        self._socket: ClientConnection | None = None
        self._listening: asyncio.Task[None] | None = None
        self._half: Message | None = None
        self._news = asyncio.Condition()

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None
        return self._socket

    @property
    def ready(self) -> Message:
        """The newest one."""
        return next(m for m in reversed(self.greetings) if m["type"] == "ready")

    async def come(self, query: str = "", url: str = "") -> Message:
        """Connects; the first messages up to `ready`, which it returns, are greetings."""
        self._socket = await connect((url or self.url) + query, max_size=None, compression=None)
        self._half = None
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                message = json.loads(await self._socket.recv())
                self.greetings.append(message)
                if message["type"] == "ready":
                    break
        if not message.get("resumed"):
            self.last_seq = message["seq"]
            self._sent.clear()
        self._listening = asyncio.create_task(self._listen(self._socket))
        return message

    async def come_back(self, url: str = "") -> Message:
        """Goes on with the session: what was lost on the way is sent again."""
        await self.gone()
        ready = await self.come(
            f"?resume={self.ready['resume_token']}&last_seq={self.last_seq}", url
        )
        assert ready["resumed"] is True
        assert ready["seq"] == self.last_seq
        for frame in self._sent[ready["received_frames"] :]:
            await self._write(frame)
        return ready

    async def send(self, frame: str | bytes) -> None:
        """Sends a frame; one that finds no connection is sent when it comes back."""
        self._sent.append(frame)
        await self._write(frame)

    async def say(self, kind: str, **fields: object) -> None:
        await self.send(json.dumps({"type": kind, **fields}))

    async def gone(self) -> None:
        """Waits until the connection has ended, and all that came over it was read."""
        if self._listening is not None:
            async with asyncio.timeout(_PATIENCE_S):
                await self._listening

    async def until(self, holds: Callable[[], bool], within_s: float = _PATIENCE_S) -> None:
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(holds)

    async def until_kind(self, kind: str, count: int = 1) -> Message:
        await self.until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1].message

    def of(self, kind: str) -> list[Whole]:
        return [whole for whole in self.heard if whole.kind == kind]

    @property
    def sound(self) -> bytes:
        """All binary frames."""
        return b"".join(whole.data for whole in self.heard)

    def assert_whole(self) -> None:
        """No message is missing and none came twice."""
        assert [w.message["seq"] for w in self.heard] == list(range(2, len(self.heard) + 2))

    async def _write(self, frame: str | bytes) -> None:
        with suppress(ConnectionClosed):
            await self.socket.send(frame)

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                async with self._news:
                    self._take(data)
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        self.code = socket.close_code

    def _take(self, data: str | bytes) -> None:
        if isinstance(data, str):
            message = json.loads(data)
            if message["type"] == "audio_chunk":
                self._half = message
                return
            whole = Whole(message)
        else:
            assert self._half is not None, "sound that nothing announced"
            whole, self._half = Whole(self._half, data), None
        self.heard.append(whole)
        self.last_seq = whole.message["seq"]


@asynccontextmanager
async def travelling(url: str) -> AsyncGenerator[Traveller]:
    """A session that has begun; afterwards nothing of it may be missing."""
    traveller = Traveller(url)
    await traveller.come()
    try:
        yield traveller
    finally:
        await traveller.socket.close()
        await traveller.gone()
    traveller.assert_whole()


async def speak_all(traveller: Traveller) -> None:
    for request in REQUESTS:
        await traveller.say("synthesize", **request)


def spoken_all(traveller: Traveller) -> bool:
    return len(traveller.of("synthesis_complete")) == 3


async def sessions(service: RunningService) -> int:
    async with httpx2.AsyncClient() as client:
        return (await client.get(f"{service.http}/readyz")).json()["sessions"]


async def until_sessions(service: RunningService, n: int) -> None:
    async with asyncio.timeout(10):
        while await sessions(service) != n:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


async def refused(service: RunningService, query: str) -> str:
    """The code of the error that comes before a fresh `ready`."""
    async with connect(service.ws + query) as socket:
        error, ready = [json.loads(await socket.recv()) for _ in range(2)]
        assert error["type"] == "error"
        assert "seq" not in error
        assert ready["type"] == "ready"
        assert ready["seq"] == 1
        assert "resumed" not in ready
        await socket.send('{"type":"ping","id":1}')
        assert json.loads(await socket.recv())["seq"] == 2
        return error["code"]
