"""Clients that leave, flood or never read: nothing of them is left."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable

import httpx2
import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.services.caller import Caller, call, until_empty
from tests.services.conftest import RunningService, running
from tests.speech import SENTENCES, pause, speech
from voice_agent.audio.pcm import float_to_int16

pytestmark = pytest.mark.e2e

_SPOKEN = np.concatenate([pause(0.4), speech(SENTENCES[3]), pause(0.4)])
_WORD = np.concatenate([pause(0.3), speech("water")])
_MIB = 1 << 20


def rss(service: RunningService) -> int:
    return psutil.Process(service.process.pid).memory_info().rss


async def until_at_most(n: int, count: Callable[[], int]) -> None:
    async with asyncio.timeout(20):
        while count() > n:  # noqa: ASYNC110  a process sends no events
            await asyncio.sleep(0.05)


async def _leave_at(service: RunningService, chance: random.Random) -> None:
    """Speaks and lets go of the socket without a word, somewhere on the way."""
    stop_after_s = chance.uniform(0, 1.5)
    async with call(service.ws) as caller:
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(stop_after_s):
                await caller.say("config", partials=chance.random() < 0.8)
                await caller.play(_SPOKEN, pace=chance.choice([0.0, 0.3]))
                await caller.say(chance.choice(["finalize", "close"]))
                await caller.until("final")
        caller.socket.transport.abort()


async def test_who_leaves_in_the_middle_of_anything_leaves_nothing_behind(
    asr: RunningService,
) -> None:
    chance = random.Random(7)
    process = psutil.Process(asr.process.pid)
    await until_empty(asr.http)
    threads, sockets = process.num_threads(), len(process.net_connections())
    for _ in range(5):
        await asyncio.gather(*(_leave_at(asr, chance) for _ in range(6)))
    await until_empty(asr.http)
    ready = httpx2.get(f"{asr.http}/readyz").json()
    assert (ready["ready"], ready["reasons"]) == (True, [])
    assert 'sessions_open{service="asr"} 0.0' in httpx2.get(f"{asr.http}/metrics").text
    # no job that waits, no leased decoder: others are served at once, with partials
    async with call(asr.ws) as caller:
        assert await caller.transcribe(_SPOKEN)
        await caller.play(_SPOKEN, pace=1.0)
        assert caller.of("partial")
    await until_empty(asr.http)
    await until_at_most(threads, process.num_threads)
    await until_at_most(sockets, lambda: len(process.net_connections()))
    assert not [line for line in asr.log if "Traceback" in line or "never retrieved" in line]


async def test_memory_returns_to_where_it_was(asr: RunningService) -> None:
    async def cycle() -> None:
        async with call(asr.ws) as caller:
            await caller.play(_WORD)
            await caller.ask("ping", "pong")

    async def cycles(n: int) -> None:
        for _ in range(n // 5):
            await asyncio.gather(*(cycle() for _ in range(5)))
        await until_empty(asr.http)

    await cycles(10)
    before = rss(asr)
    await cycles(40)
    assert rss(asr) - before < 10 * _MIB


async def test_a_flood_is_held_back_and_others_do_not_feel_it(asr: RunningService) -> None:
    minute = np.tile(_SPOKEN, 20)[: 60 * 16_000]

    async def flood(caller: Caller) -> None:
        for _ in range(5):
            await caller.stream(float_to_int16(minute).tobytes(), frame_bytes=_MIB // 2)

    latencies_s: list[float] = []
    # what decoding such a minute takes is no part of what is kept of five
    async with call(asr.ws) as caller:
        await caller.ask("config", "configured", partials=False, turn_detection="none")
        await caller.transcribe(minute)
    before, most = rss(asr), 0
    async with call(asr.ws) as wild, call(asr.ws) as calm:
        await wild.ask("config", "configured", partials=False, turn_detection="none")
        flooding = asyncio.create_task(flood(wild))
        for _ in range(20):
            asked_s = time.monotonic()
            await calm.play(pause(0.064))
            await calm.ask("ping", "pong")
            latencies_s.append(time.monotonic() - asked_s)
            most = max(most, rss(asr))
            await asyncio.sleep(0.05)
        flooding.cancel()
        await asyncio.wait([flooding])
        wild.socket.transport.abort()
    await until_empty(asr.http)
    # of a flood of minutes a calm one waits for a piece, not for all
    assert float(np.median(latencies_s)) < 2.0
    assert most - before < 30 * _MIB


async def test_a_client_that_never_reads_is_dropped_and_costs_no_memory() -> None:
    with running("asr", SERVER__SEND_TIMEOUT_S=1, SERVER__RESUME_S=0) as service:
        before = rss(service)
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", service.port))
            await loop.sock_sendall(client, _UPGRADE)
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(20):
                    while True:  # each of these is answered, and nobody reads the answer
                        await loop.sock_sendall(client, _PINGS)
            await until_empty(service.http)
            assert rss(service) - before < 20 * _MIB
            async with call(service.ws) as caller:
                assert await caller.transcribe(_SPOKEN)


def _masked(text: bytes) -> bytes:
    """A text frame of less than 126 bytes from a client; a mask of zeros changes nothing."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_PINGS = _masked(b'{"type":"ping","id":"' + b"x" * 90 + b'"}') * 50
