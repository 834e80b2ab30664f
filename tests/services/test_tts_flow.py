"""Clients that read slowly, not at all, or leave: nothing is lost, nothing piles up."""

import asyncio
import json
import random
import socket

import psutil
import pytest
from websockets.asyncio.client import connect

from tests.services.conftest import RunningService, running
from tests.services.listener import Listener, listening, metric, small_socket, until

LONG = "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun. " * 20
AUDIO_OUT = 'voice_agent_audio_out_seconds_total{service="tts"}'
OPEN = 'voice_agent_sessions_open{service="tts"}'


def memory_mib(service: RunningService) -> float:
    process = psutil.Process(service.process.pid)
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_info().rss for member in family) / 2**20


async def standing_still(service: RunningService) -> float:
    """The audio that was made once no more is being made."""
    made = -1.0

    async def unchanged() -> bool:
        nonlocal made
        before, made = made, await metric(service, AUDIO_OUT)
        await asyncio.sleep(0.3)
        return made == before

    await until(unchanged)
    return made


@pytest.mark.parametrize(
    ("encoding", "sample_rate", "chunk_size"),
    [
        ("pcm_f32le", 48_000, 50),
        ("mulaw", 8_000, 50),
        ("opus", 8_000, 10),
        ("mp3", 8_000, 50),
        ("mulaw", 8_000, 250),
    ],
)
async def test_a_client_that_does_not_read_stops_its_own_speech_and_loses_nothing(
    tts: RunningService, encoding: str, sample_rate: int, chunk_size: int
) -> None:
    options = {"encoding": encoding, "sample_rate": sample_rate, "chunk_size": chunk_size}
    sock = small_socket(tts)
    async with listening(tts) as other:
        whole = await other.speak(LONG, **options)
    async with listening(tts, sock=sock, max_queue=1, ping_interval=None) as listener:
        before_s = await metric(tts, AUDIO_OUT)
        memory_before = memory_mib(tts)
        listener.socket.transport.pause_reading()
        await listener.send(type="synthesize", request_id="r", text=LONG, **options)
        ahead_s = await standing_still(tts) - before_s
        assert ahead_s <= 10
        assert memory_mib(tts) < memory_before + 10
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # or it takes long
        listener.socket.transport.resume_reading()
        answer = await listener.answer()
    assert [m["chunk_id"] for m, _ in answer.chunks] == list(range(len(whole.chunks)))
    assert answer.complete["total_duration_ms"] == whole.complete["total_duration_ms"]
    if encoding != "opus":  # each Ogg stream has a serial number of its own
        assert answer.data == whole.data


async def test_a_client_that_never_reads_is_dropped_and_its_speech_with_it() -> None:
    with running(
        "tts", SERVER__SEND_TIMEOUT_S=1, SERVER__MAX_SESSIONS=1, SERVER__RESUME_S=0
    ) as service:
        sock = small_socket(service)
        async with connect(service.ws, sock=sock, max_queue=1, ping_interval=None) as connection:
            await connection.recv()
            connection.transport.pause_reading()
            await connection.send(json.dumps({"type": "synthesize", "text": LONG}))

            async def free() -> bool:
                return await metric(service, OPEN) == 0

            await until(free)
            assert await metric(service, AUDIO_OUT) < 10
            connection.transport.abort()
        async with listening(service) as listener:
            assert (await listener.speak("Hello there.")).chunks


async def leave_somewhere(service: RunningService, number: int) -> None:
    """Does a part of what clients do and is gone, politely or not."""
    dice = random.Random(number)
    async with connect(service.ws, max_size=None) as connection:
        listener = Listener(connection)
        await listener.message()
        for _ in range(dice.randint(0, 3)):
            await listener.send(type="synthesize", text=LONG, chunk_size=dice.choice([5, 50]))
        if dice.random() < 0.5:
            await listener.send(type="text", request_id="w", delta="Hello there. And")
            await listener.send(type="synthesize", text=LONG)
        for _ in range(dice.randint(0, 8)):
            async with asyncio.timeout(10):
                if dice.random() < 0.8:
                    await connection.send('{"type":"ping"}')
                    await connection.recv()
        if dice.random() < 0.5:
            connection.transport.abort()


async def test_100_clients_that_leave_in_the_middle_leave_nothing_behind() -> None:
    with running("tts", SERVER__RESUME_S=0) as tts:
        await leave_100(tts)


async def leave_100(tts: RunningService) -> None:
    async def all_gone() -> bool:
        return await metric(tts, OPEN) == 0

    async def leave(numbers: range) -> None:
        for at in range(numbers.start, numbers.stop, 10):
            await asyncio.gather(*(leave_somewhere(tts, at + n) for n in range(10)))
        await until(all_gone)

    await leave(range(50))  # what is loaded once is loaded
    memory_before = memory_mib(tts)
    await leave(range(50, 150))
    assert memory_mib(tts) < memory_before + 16  # the allocator's; 100 sessions that stay are more
    made = await standing_still(tts)
    speaker = psutil.Process(tts.process.pid).children()[0]
    busy = speaker.cpu_times().user
    async with listening(tts) as listener:
        await listener.send(type="ping")
        await listener.message()
    assert await metric(tts, AUDIO_OUT) == made
    assert speaker.cpu_times().user == busy
    assert not [line for line in tts.log if "Traceback" in line or "ERROR" in line]


async def test_a_disconnect_frees_the_engine_at_once_where_nobody_comes_back() -> None:
    with running("tts", SERVER__RESUME_S=0) as tts:
        await disconnect(tts)


async def disconnect(tts: RunningService) -> None:
    cancelled = 'voice_agent_engine_jobs_total{engine="espeak",kind="interactive",outcome='
    async with listening(tts, sock=small_socket(tts), max_queue=1) as listener:
        await listener.send(type="synthesize", text=LONG)
        await listener.first_chunk()
        before = await metric(tts, cancelled + '"cancelled"}')
        listener.socket.transport.abort()

        async def freed() -> bool:
            return await metric(tts, cancelled + '"cancelled"}') == before + 1

        await until(freed, 3.0)
