"""A client of the ASR service that keeps everything it is told."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from voice_agent.audio.pcm import float_to_int16
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

Message = dict[str, Any]
_PATIENCE_S = 60.0


class Caller:
    """One session; made by `call`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[Message] = []
        self._news = asyncio.Condition()
        self._over = False

    @property
    def close_code(self) -> int | None:
        return self.socket.close_code

    async def listen(self) -> None:
        """Reads until the connection ends."""
        try:
            async for data in self.socket:
                async with self._news:
                    self.messages.append(json.loads(data))
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._news:
                self._over = True
                self._news.notify_all()

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def play(
        self, samples: Samples, *, pace: float = 0.0, frame_ms: int = 64, hz: int = 16_000
    ) -> None:
        """Sends int16 audio; `pace` 1 is real time, 0 as fast as the server takes it."""
        await self.stream(
            float_to_int16(samples).tobytes(),
            frame_bytes=2 * hz * frame_ms // 1000,
            frame_s=pace * frame_ms / 1000,
        )

    async def stream(self, data: bytes, *, frame_bytes: int = 4096, frame_s: float = 0.0) -> None:
        """Sends bytes in frames, one every `frame_s`."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for first in range(0, len(data), frame_bytes):
            await self.socket.send(data[first : first + frame_bytes])
            due_s += frame_s
            if frame_s:
                await asyncio.sleep(due_s - loop.time())

    def of(self, kind: str) -> list[Message]:
        return [m for m in self.messages if m["type"] == kind]

    @property
    def text(self) -> str:
        """What all finals say."""
        return " ".join(m["text"] for m in self.of("final") if m["text"])

    async def until(self, kind: str, count: int = 1, within_s: float = _PATIENCE_S) -> Message:
        """The `count`-th message of a kind, as soon as it is there."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: len(self.of(kind)) >= count or self._over)
        found = self.of(kind)
        assert len(found) >= count, f"the connection ended before {count} × {kind}"
        return found[count - 1]

    async def ask(self, kind: str, answer: str, **fields: object) -> Message:
        """Says something and waits for the next message of kind `answer`."""
        count = len(self.of(answer)) + 1
        await self.say(kind, **fields)
        return await self.until(answer, count)

    async def ended(self, within_s: float = _PATIENCE_S) -> int | None:
        """Waits for the server to end the connection; returns the close code."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: self._over)
        return self.close_code

    async def transcribe(self, samples: Samples) -> str:
        """Sends audio at once, finalizes, and returns what the session's finals added."""
        before = len(self.of("final"))
        await self.play(samples)
        await self.finalize()
        return " ".join(m["text"] for m in self.of("final")[before:] if m["text"])

    async def finalize(self) -> None:
        """Finalizes and waits for the final that this brings; others may come before it."""
        asked = self._n_finalized()
        await self.say("finalize")
        async with asyncio.timeout(_PATIENCE_S), self._news:
            await self._news.wait_for(lambda: self._n_finalized() > asked or self._over)

    def _n_finalized(self) -> int:
        return sum(m["ended_by"] == "client" for m in self.of("final"))


@asynccontextmanager
async def call(url: str, **options: Any) -> AsyncGenerator[Caller]:
    """Connects and waits for `ready`."""
    async with connect(url, max_size=None, compression=None, **options) as socket:
        caller = Caller(socket)
        listening = asyncio.create_task(caller.listen())
        try:
            if options.get("ping_interval", 1) is not None:
                await caller.until("ready")
            yield caller
        finally:
            await socket.close()
            await listening


async def until_empty(http: str) -> None:
    """Waits until no session holds a slot of the service at this address."""
    async with asyncio.timeout(_PATIENCE_S):
        while httpx2.get(f"{http}/readyz").json()["sessions"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def assert_in_order(messages: list[Message]) -> None:
    """Checks what the protocol promises about one session that began with `ready`."""
    assert messages[0]["type"] == "ready"
    assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))
    segments = [m for m in messages if m["type"] in ("speech_start", "speech_end")]
    kinds = [m["type"] for m in segments]
    assert kinds == (["speech_start", "speech_end"] * len(kinds))[: len(kinds)]
    times = [m["timestamp"] for m in segments]
    assert times == sorted(times)
    _assert_turns(messages)
    for final in (m for m in messages if m["type"] == "final"):
        assert_words_fit(final)


def _assert_turns(messages: list[Message]) -> None:
    """Partials lie inside turns, and keep what they committed."""
    open_turn = False
    committed = ""
    began_s = 0.0
    for message in messages:
        match message["type"]:
            case "speech_start":
                open_turn = True
                began_s = message["timestamp"]
            case "partial":
                assert open_turn, "a partial outside a turn"
                text, n_committed = message["text"], message["committed"]
                assert text.startswith(committed)
                assert len(committed) <= n_committed <= len(text)
                committed = text[:n_committed]
            case "final":
                committed = ""
                # the next turn may have begun before this final was ready
                next_began = message["start"] + 0.1 < began_s > message["end"] - 0.25
                open_turn = next_began or not message["turn_complete"]
            case _:
                pass


def assert_words_fit(final: Message) -> None:
    """Words lie in order inside their final."""
    words = final["words"]
    assert final["start"] <= final["end"]
    assert all(final["start"] <= w["start"] <= w["end"] <= final["end"] for w in words)
    assert all(a["end"] <= b["start"] + 1e-6 for a, b in pairwise(words))
    if words:
        assert " ".join(w["word"] for w in words) == final["text"]


def seconds(samples: Samples) -> float:
    return len(samples) / ASR_SAMPLE_RATE_HZ
