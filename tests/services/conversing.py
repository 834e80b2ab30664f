"""A client of the agent that keeps what it is told, what it hears, and when."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.speech import pause
from voice_agent.audio.pcm import float_to_int16
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

Message = dict[str, Any]
ANSWER_RATE_HZ = 24_000
_FRAME_SAMPLES = 512
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Heard:
    """A message, when it came, and the sound that followed it."""

    at_s: float
    message: Message
    sound: Samples | None = None

    @property
    def kind(self) -> str:
        return self.message["type"]


class Caller:
    """One conversation; made by `conversing`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[Heard] = []
        self._news = asyncio.Condition()
        self._over = False

    async def listen(self) -> None:
        """Reads until the connection ends."""
        try:
            async for data in self.socket:
                async with self._news:
                    self._take(data)
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._news:
                self._over = True
                self._news.notify_all()

    def _take(self, data: str | bytes) -> None:
        if isinstance(data, str):
            self.heard.append(Heard(time.monotonic(), json.loads(data)))
            return
        last = self.heard[-1]
        assert last.kind == "audio_chunk", f"sound after {last.message}"
        assert last.sound is None
        self.heard[-1] = Heard(last.at_s, last.message, np.frombuffer(data, np.float32))

    def of(self, kind: str, turn: int | None = None) -> list[Heard]:
        """Messages of a kind, of one answer if it says which."""
        return [h for h in self.heard if h.kind == kind and turn in (None, self.turn_of(h.message))]

    @staticmethod
    def turn_of(message: Message) -> int | None:
        if "turn" in message:
            return message["turn"]
        request_id = message.get("request_id", "")
        return int(request_id.removeprefix("turn-")) if request_id else None

    def text_of(self, turn: int) -> str:
        return "".join(h.message["delta"] for h in self.of("answer_text", turn))

    def sound_of(self, turn: int) -> Samples:
        return np.concatenate(
            [h.sound for h in self.of("audio_chunk", turn) if h.sound is not None]
        )

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def play(self, *parts: Samples) -> float:
        """Sends audio in real time; gives when its end was sent."""
        pcm = float_to_int16(np.concatenate(parts)).tobytes()
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for first in range(0, len(pcm), 2 * _FRAME_SAMPLES):
            await self.socket.send(pcm[first : first + 2 * _FRAME_SAMPLES])
            due_s += _FRAME_SAMPLES / ASR_SAMPLE_RATE_HZ
            await asyncio.sleep(due_s - loop.time())
        return time.monotonic()

    @asynccontextmanager
    async def microphone(self) -> AsyncGenerator[None]:
        """Sends silence, as an open microphone does, while the block runs."""

        async def quiet() -> None:
            while True:
                await self.play(pause(0.5))

        task = asyncio.create_task(quiet())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until_true(self, holds: Callable[[], bool], within_s: float = _PATIENCE_S) -> None:
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: holds() or self._over)
        assert holds(), "the connection ended before"

    async def until(self, kind: str, count: int = 1, turn: int | None = None) -> Heard:
        """The `count`-th message of a kind, as soon as it is there."""
        await self.until_true(lambda: len(self.of(kind, turn)) >= count)
        return self.of(kind, turn)[count - 1]

    async def ask(self, text: str) -> int:
        """Types a question; gives the number of the answer once it has begun."""
        count = len(self.of("answer_start")) + 1
        await self.say("text", text=text)
        return (await self.until("answer_start", count)).message["turn"]

    async def ended(self) -> int | None:
        async with asyncio.timeout(_PATIENCE_S), self._news:
            await self._news.wait_for(lambda: self._over)
        return self.socket.close_code


@asynccontextmanager
async def conversing(url: str) -> AsyncGenerator[Caller]:
    """Connects and waits for `ready`; afterwards no message may be missing."""
    async with connect(url, max_size=None, compression=None) as socket:
        caller = Caller(socket)
        listening = asyncio.create_task(caller.listen())
        try:
            await caller.until("ready")
            yield caller
        finally:
            await socket.close()
            await listening
    assert [h.message["seq"] for h in caller.heard] == list(range(1, len(caller.heard) + 1))


def seconds(sound: Samples) -> float:
    return len(sound) / ANSWER_RATE_HZ


def loudness(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))
