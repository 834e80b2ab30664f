"""Hostile bytes, abandoned streams, and what they leave behind."""

import asyncio
import gc
import os
import threading
import time
from contextlib import aclosing

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media import ENCODED, encoded, mux, read, wav

from voice_agent.audio.stream_decoder import StreamDecoder
from voice_agent.errors import BadAudio, TooLarge, UnsupportedFormat

KNOWN = (BadAudio, UnsupportedFormat, TooLarge)
FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def decoder_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("decode-")]


@pytest.fixture(autouse=True)
def _no_thread_stays():
    yield
    assert decoder_threads() == []


def survives(data: bytes, chunk: int | None = None, **values: object) -> None:
    _, error = asyncio.run(read(data, chunk, **values))
    assert error is None or type(error) in KNOWN
    assert decoder_threads() == []


@FUZZ
@given(
    data=st.binary(max_size=3_000),
    magic=st.sampled_from([b"", b"OggS", b"fLaC", b"ID3", b"\x1a\x45\xdf\xa3", b"RIFF1234WAVE"]),
    encoding=st.sampled_from(["auto", "container", "pcm_f32le", "mulaw"]),
    chunk=st.sampled_from([None, 100, 7]),
)
def test_random_bytes(data: bytes, magic: bytes, encoding: str, chunk: int | None):
    survives(magic + data, chunk, encoding=encoding)


@pytest.mark.parametrize("name", ["wav", *ENCODED])
@FUZZ
@given(
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=30),
    early=st.booleans(),
)
def test_flipped_bytes(name: str, flips: list[tuple[float, int]], early: bool):
    data = bytearray(wav(0.2, 8_000, 2) if name == "wav" else encoded(name, 0.2))
    reach = min(200, len(data)) if early else len(data)
    for where, mask in flips:
        data[int(where * reach)] ^= mask
    survives(bytes(data))


def _rss_mb() -> float:
    gc.collect()
    return psutil.Process(os.getpid()).memory_info().rss / 1e6


def test_a_bomb_costs_neither_memory_nor_time():
    bomb = mux(np.zeros((48_000 * 150, 1), np.int16), "flac", "flac", 48_000, {})
    reader_heard: list[int] = []
    peak: list[float] = []

    async def swallow() -> None:
        reader = StreamDecoder()
        async for piece in reader.stream(bomb):
            reader_heard.append(len(piece))
            peak.append(_rss_mb())

    before_mb, start = _rss_mb(), time.process_time()
    with pytest.raises(TooLarge):
        asyncio.run(swallow())
    assert time.process_time() - start < 2.0
    assert max([*peak, _rss_mb()]) - before_mb < 50
    assert sum(reader_heard) <= 60 * 16_000


def test_200_streams_leave_nothing_behind():
    data = encoded("ogg-opus", 0.2)

    async def open_and_leave(times: int) -> None:
        for number in range(times):
            reader = StreamDecoder()
            await reader.feed(data[: len(data) // (1 + number % 2)])
            if number % 3 == 0:
                await reader.feed(b"")
            await reader.close()

    asyncio.run(open_and_leave(20))
    before_mb = _rss_mb()
    asyncio.run(open_and_leave(200))
    assert decoder_threads() == []
    assert _rss_mb() - before_mb < 8


async def test_a_cancelled_feed_ends_the_stream_and_its_thread():
    data = encoded("flac", 20.0)
    reader = StreamDecoder()
    task = asyncio.create_task(reader.feed(data))
    await asyncio.sleep(0)  # it runs up to its first wait
    assert decoder_threads()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert decoder_threads() == []
    assert len(await reader.feed(encoded("flac"))) > 0
    await reader.close()


async def test_a_consumer_that_leaves_ends_the_stream():
    reader = StreamDecoder()
    async with aclosing(reader.stream(encoded("ogg-opus", 20.0))) as pieces:
        async for piece in pieces:
            if len(piece):
                break
    assert decoder_threads() == []
    assert len(await reader.feed(bytes(640))) == 0


@pytest.mark.parametrize(
    ("values", "n_bytes"),
    [
        ({}, 2**20),
        ({"sample_rate": 48_000, "encoding": "pcm_s16le"}, 2**20),
        ({"sample_rate": 44_100, "channels": 2, "encoding": "pcm_f32le"}, 2**20),
        ({"sample_rate": 8_000, "encoding": "mulaw"}, 2**20),
    ],
)
async def test_a_full_frame_leaves_the_loop_its_turns(values: dict[str, object], n_bytes: int):
    """Measured in CPU time of the loop's thread, so that a busy machine changes nothing."""
    worst_s = 0.0

    async def watch() -> None:
        nonlocal worst_s
        while True:
            start = time.thread_time()
            await asyncio.sleep(0)
            worst_s = max(worst_s, time.thread_time() - start)

    reader = StreamDecoder()
    await reader.configure(**values)  # pyright: ignore[reportArgumentType]
    sound = np.random.default_rng(2).normal(0, 0.1, n_bytes // 4).astype("<f4")
    data = (
        sound.tobytes() if values.get("encoding") == "pcm_f32le" else bytes(n_bytes - 4) + b"abcd"
    )
    await reader.feed(data[:4_096])  # the filter table is made once
    task = asyncio.create_task(watch())
    await reader.feed(data)
    task.cancel()
    assert worst_s < 0.005
