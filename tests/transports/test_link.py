"""What a session does with its sockets, without any."""

import asyncio
import json
from typing import Any, cast

import pytest

from transports.replay_buffer import ReplayBuffer
from transports.resumable_connection import ResumableConnection
from voice_agent.errors import BadMessage, ResumeExpired
from voice_agent.server.socket import ClientSocket

_MESSAGE = '{"type":"message"}'


class ScriptedSocket:
    """A socket whose other side is the test.

    Attributes:
        got: Messages that the client has.
        stalled: Whether the client reads nothing.
        code: What it was closed with.
    """

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.payloads: list[bytes] = []
        self.stalled = False
        self.over = False
        self.lost = False
        self.code: int | None = None
        self._coming: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._gone = asyncio.Event()

    def say(self, data: str | bytes) -> None:
        self._coming.put_nowait(data)

    def end(self, *, lost: bool) -> None:
        if not self.over:
            self.over, self.lost = True, lost
            self._gone.set()
            self._coming.put_nowait(None)

    async def receive(self) -> str | bytes | None:
        return await self._coming.get()

    async def send(self, text: str, payload: bytes = b"") -> bool:
        if self.stalled:
            await self._gone.wait()
        if self.over:
            return False
        self.got.append(json.loads(text))
        self.payloads.append(payload)
        return True

    async def close(self, code: int) -> None:
        if not self.over:
            self.code = code
            self.end(lost=False)

    def abandon(self) -> None:
        self.end(lost=False)

    @property
    def numbers(self) -> list[int]:
        return [message["seq"] for message in self.got]

    @property
    def real(self) -> ClientSocket:
        return cast(ClientSocket, self)


def linked(
    socket: ScriptedSocket, *, resumable: bool = True, max_bytes: int = 1 << 20
) -> ResumableConnection:
    return ResumableConnection(
        socket.real,
        service="test",
        log=ReplayBuffer(max_bytes=max_bytes, max_age_s=30 if resumable else 0),
        max_held_s=10.0,
        resumable=resumable,
        on_taken=lambda: None,
    )


class Reader:
    """The session's reader, which notices what becomes of its sockets."""

    def __init__(self, link: ResumableConnection) -> None:
        self.frames: list[str | bytes] = []
        self.presence: list[bool] = []
        self.task = asyncio.create_task(self._read(link))

    async def _read(self, link: ResumableConnection) -> None:
        async def note(here: bool) -> None:
            self.presence.append(here)

        async for frame in link.frames(note):
            self.frames.append(frame)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def come_back(link: ResumableConnection, socket: ScriptedSocket, last_seq: int) -> None:
    link.take_over(
        socket.real,
        last_seq,
        lambda received: json.dumps({"ready": received, "seq": last_seq}),
    )


async def test_what_was_not_read_comes_again_before_what_is_new() -> None:
    first, second = ScriptedSocket(), ScriptedSocket()
    link = linked(first)
    reader = Reader(link)
    for number in range(3):
        await link.send(_MESSAGE, bytes([number]), 0.1)
    first.say("one")
    await settle()
    first.end(lost=True)
    await settle()
    await link.send(_MESSAGE, b"while away", 0.1)
    come_back(link, second, 1)
    await link.flush()
    await link.send(_MESSAGE)
    second.say(b"two")
    await settle()
    assert second.got[0] == {"ready": 1, "seq": 1}
    assert second.numbers == [1, 2, 3, 4, 5]
    assert second.payloads == [b"", b"\x01", b"\x02", b"while away", b""]
    assert reader.frames == ["one", b"two"]
    assert reader.presence == [False, True]
    assert link.n_received == 2
    reader.task.cancel()


async def test_the_next_socket_takes_over_from_one_that_hangs() -> None:
    first, second = ScriptedSocket(), ScriptedSocket()
    link = linked(first)
    reader = Reader(link)
    first.stalled = True
    sending = asyncio.create_task(link.send(_MESSAGE))
    await settle()
    assert not sending.done()
    come_back(link, second, 0)
    first.say("from the grave")
    await link.flush()
    await asyncio.wait_for(sending, 1)
    assert second.numbers == [0, 1]
    second.say("alive")
    await settle()
    assert reader.frames == ["alive"]
    assert link.n_received == 1
    reader.task.cancel()


@pytest.mark.parametrize(("n_bytes", "audio_s"), [(1000, 5.0), (40_000, 0.1)])
async def test_who_sends_waits_while_enough_is_kept(n_bytes: int, audio_s: float) -> None:
    first, second = ScriptedSocket(), ScriptedSocket()
    link = linked(first, max_bytes=1 << 16)
    reader = Reader(link)
    first.end(lost=True)
    await settle()
    sent = 0

    async def make() -> None:
        nonlocal sent
        for _ in range(8):
            await link.send(_MESSAGE, bytes(n_bytes), audio_s)
            sent += 1

    making = asyncio.create_task(make())
    await settle()
    assert sent == 2
    come_back(link, second, 0)
    await link.flush()
    await asyncio.wait_for(making, 1)
    assert second.numbers == [0, *range(1, 9)]
    reader.task.cancel()


async def test_who_waits_is_let_go_when_nobody_comes_back() -> None:
    socket = ScriptedSocket()
    link = linked(socket)
    reader = Reader(link)
    socket.end(lost=True)
    await settle()
    await link.send(_MESSAGE, b"x", 10.0)
    waiting = asyncio.create_task(link.send(_MESSAGE, b"x", 10.0))
    await settle()
    assert not waiting.done()
    assert link.away_s > 0
    await link.close(1000)
    await asyncio.wait_for(asyncio.gather(waiting, reader.task), 1)
    assert link.over
    assert link.close_code is None


@pytest.mark.parametrize(("lost", "resumable"), [(False, True), (True, False)])
async def test_who_leaves_or_may_not_come_back_ends_the_session(
    lost: bool, resumable: bool
) -> None:
    socket = ScriptedSocket()
    link = linked(socket, resumable=resumable)
    reader = Reader(link)
    socket.end(lost=lost)
    await asyncio.wait_for(reader.task, 1)
    assert link.over
    with pytest.raises(ResumeExpired):
        come_back(link, ScriptedSocket(), 0)
    await link.send(_MESSAGE)  # nobody hears it, and nobody waits


async def test_nobody_comes_back_to_what_was_not_sent_or_is_not_kept() -> None:
    socket = ScriptedSocket()
    link = linked(socket, max_bytes=1 << 16)
    for _ in range(4):
        await link.send(_MESSAGE, bytes(1 << 15))
    with pytest.raises(BadMessage, match="has sent 4 messages"):
        come_back(link, ScriptedSocket(), 5)
    with pytest.raises(ResumeExpired):
        come_back(link, ScriptedSocket(), 1)
    come_back(link, ScriptedSocket(), 4)


async def test_what_is_due_at_the_end_is_delivered_first() -> None:
    first, second = ScriptedSocket(), ScriptedSocket()
    link = linked(first)
    reader = Reader(link)
    first.end(lost=True)
    await settle()
    await link.send(_MESSAGE)
    await link.finish(1000)
    assert not link.over
    come_back(link, second, 0)
    await link.flush()
    assert second.numbers == [0, 1]
    assert (second.code, link.over, link.close_code) == (1000, True, 1000)
    await asyncio.wait_for(reader.task, 1)


async def test_a_message_and_its_sound_go_together_whoever_is_cancelled() -> None:
    first, second = ScriptedSocket(), ScriptedSocket()
    link = linked(first)
    first.stalled = True
    sending = asyncio.create_task(link.send(_MESSAGE, b"sound"))
    await settle()
    sending.cancel()
    await settle()
    come_back(link, second, 0)
    await link.flush()
    assert second.payloads == [b"", b"sound"]
