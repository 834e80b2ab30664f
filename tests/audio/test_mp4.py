"""MP4: an index at either end, films, fragments, and indexes that lie."""

import os
import struct
import time
from pathlib import Path
from typing import cast

import av
import numpy as np
import psutil
import pytest
from av.audio.stream import AudioStream
from hypothesis import given, settings
from hypothesis import strategies as st
from media import encoded, read, tones

from voice_agent.audio.mp4 import MAX_KEPT_BYTES, Mp4Sieve
from voice_agent.audio.mp4_index import MAX_SAMPLES, boxes
from voice_agent.audio.pcm import float_to_int16
from voice_agent.audio.stream_decoder import StreamDecoder, decode_file
from voice_agent.errors import BadAudio, TooLarge, UnsupportedFormat, VoiceAgentError


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def film(path: Path, *, faststart: bool) -> bytes:
    """A second of pictures with a second of sound, as a telephone records it."""
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        sound = cast(AudioStream, container.add_stream("aac", rate=16_000, layout="mono"))
        sound.bit_rate = 64_000
        samples = float_to_int16(tones(1.0, 16_000)).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 16_000
        noise = np.random.default_rng(1)
        for _ in range(10):
            picture = noise.integers(0, 256, (64, 64, 3), np.uint8)
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for part in av.AudioResampler("fltp", "mono", 16_000).resample(frame):
            container.mux(sound.encode(part))
        container.mux(pictures.encode(None))
        container.mux(sound.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize("faststart", [True, False])
@pytest.mark.parametrize("chunk", [None, 1_024, 7])
async def test_the_sound_of_a_film_is_heard(tmp_path: Path, faststart: bool, chunk: int | None):
    heard, error = await read(film(tmp_path / "film.mp4", faststart=faststart), chunk)
    assert error is None
    assert 16_000 <= len(heard) <= 18_432
    assert np.abs(heard).max() > 5_000


async def test_an_index_at_the_end_decodes_before_the_stream_ends():
    reader = StreamDecoder()
    heard = len(await reader.feed(encoded("m4a-late")))
    assert heard > 14_000
    heard += len(await reader.flush())
    assert heard == 16_384


async def test_a_live_recording_is_heard_as_it_comes():
    reader, data = StreamDecoder(), encoded("mp4-live", 2.0)
    heard = [len(await reader.feed(data[at : at + 256])) for at in range(0, len(data), 256)]
    await reader.close()
    first = next(n for n, samples in enumerate(heard) if samples)
    assert first * 256 < 4_000
    assert max(heard) <= 2_048


def spread(data: bytes, n_bytes: int) -> bytes:
    """The same file with so much space between sound and index."""
    at = data.index(b"moov") - 4
    return data[:at] + struct.pack(">I4s", n_bytes, b"free") + bytes(n_bytes - 8) + data[at:]


async def test_an_index_that_comes_too_late_is_too_large_in_a_stream_and_not_in_a_file(
    tmp_path: Path,
):
    data = spread(encoded("m4a-late"), MAX_KEPT_BYTES)
    heard, error = await read(data, 2**20)
    assert len(heard) == 0
    assert type(error) is TooLarge
    assert "faststart" in str(error)
    path = tmp_path / "late.m4a"
    path.write_bytes(data)
    assert sum([len(piece) async for piece in decode_file(path)]) == 16_384


async def test_a_file_without_an_index_is_bad_audio(tmp_path: Path):
    data = encoded("m4a-late")
    path = tmp_path / "cut.m4a"
    path.write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(BadAudio, match="index"):
        _ = [piece async for piece in decode_file(path)]


def changed(name: bytes, at: int, value: bytes) -> bytes:
    """An MP4 with other bytes in the content of a box."""
    data = bytearray(encoded("m4a"))
    first = data.index(name) + 4 + at
    data[first : first + len(value)] = value
    return bytes(data)


FTYP = box(b"ftyp", b"M4A \0\0\0\0")
MANY = struct.pack(">I", 2**31)
LIES = {
    "an index of 4 GB": FTYP + b"\xff\xff\xff\xf0moov" + bytes(1_000),
    "an index of 2^60 bytes": FTYP + b"\0\0\0\1moov\x10" + bytes(1_000),
    "a box of 4 bytes": FTYP + b"\0\0\0\4free" + bytes(1_000),
    "a box of no name": FTYP + b"\0\0\0\x10\xff\xfe\0\1" + bytes(1_000),
    "an endless box before the index": FTYP + b"\0\0\0\0mdat" + bytes(1_000),
    "sizes that are not there": changed(b"stsz", 4, bytes(4) + MANY),
    "a billion packets of one byte": changed(b"stsz", 4, b"\0\0\0\1" + MANY),
    "a billion times": changed(b"stts", 8, MANY),
    "more times than there are": changed(b"stts", 4, MANY),
    "more chunks than there are": changed(b"stsc", 4, MANY),
    "more offsets than there are": changed(b"stco", 4, MANY),
    "no description": changed(b"stsd", 4, bytes(4)),
    "many descriptions": changed(b"stsd", 4, MANY),
    "encrypted": changed(b"stsd", 12, b"enca"),
    "no sound": changed(b"hdlr", 8, b"vide"),
    "a compressed index": FTYP + box(b"moov", box(b"cmov", bytes(500))),
    "an empty index": FTYP + box(b"moov", b""),
    "a child larger than its parent": FTYP + box(b"moov", b"\0\0\xff\xfftrak" + bytes(20)),
    "an index in an index": FTYP + box(b"moov", box(b"moov", box(b"trak", b"")) * 50),
    "fragments without an index": FTYP + box(b"free", b"") + box(b"moof", box(b"traf", b"")),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("chunk", [None, 7])
async def test_an_index_that_lies_is_one_error_and_costs_nothing(name: str, chunk: int | None):
    before, start = psutil.Process(os.getpid()).memory_info().rss, time.process_time()
    heard, error = await read(LIES[name], chunk)
    assert isinstance(error, BadAudio | TooLarge)
    assert len(heard) == 0
    assert time.process_time() - start < 2
    assert psutil.Process(os.getpid()).memory_info().rss - before < 30e6


async def test_many_edits_do_not_multiply_the_index():
    edit = struct.pack(">IiI", 1_000, 0, 0x10000)
    data = bytearray(encoded("m4a").replace(b"edts", b"free"))
    track = data.index(b"trak") - 4
    edits = box(b"edts", box(b"elst", struct.pack(">II", 0, 50_000) + edit * 50_000))
    for name in (b"trak", b"moov"):
        at = data.index(name) - 4
        data[at : at + 4] = struct.pack(">I", struct.unpack_from(">I", data, at)[0] + len(edits))
    data[track + 8 : track + 8] = edits
    table = data.index(b"stco") + 8
    (n_chunks,) = struct.unpack_from(">I", data, table)
    for at in range(table + 4, table + 4 + 4 * n_chunks, 4):
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(edits))
    heard, error = await read(bytes(data))
    assert error is None
    assert len(heard) == 16_384


async def test_fragments_that_announce_a_billion_packets_are_refused():
    data = encoded("mp4-live")
    head = data[: data.index(b"moof") - 4]
    track = 1
    run = box(b"trun", struct.pack(">III", 0, MAX_SAMPLES // 2 + 1, 0))
    traf = box(b"traf", box(b"tfhd", struct.pack(">II", 0x20000, track)) + run)
    moof = box(b"moof", box(b"mfhd", bytes(8)) + traf)
    heard, error = await read(head + (moof + box(b"mdat", b"")) * 3)
    assert type(error) is TooLarge
    assert len(heard) == 0


def test_what_is_not_needed_is_painted_over_and_offsets_stay(tmp_path: Path):
    data = film(tmp_path / "film.mp4", faststart=True)
    out = Mp4Sieve().push(data)
    assert len(out) == len(data)
    assert [b.name for b in boxes(out, 0, len(out))] == [b"ftyp", b"moov", b"free", b"mdat"]
    moov = next(b for b in boxes(out, 0, len(out)) if b.name == b"moov")
    inside = [b.name for b in boxes(out, moov.body, moov.end)]
    assert inside.count(b"trak") == 1
    assert set(inside) == {b"mvhd", b"trak", b"free"}


@settings(max_examples=150, deadline=None)
@given(
    flips=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=20),
    name=st.sampled_from(["m4a", "mp4-live"]),
)
async def test_flipped_bytes_in_an_index_cost_nothing(flips: list[tuple[int, int]], name: str):
    data = bytearray(encoded(name))
    for at, value in flips:
        data[min(at, len(data) - 1)] = value
    before = psutil.Process(os.getpid()).memory_info().rss
    heard, error = await read(bytes(data))
    assert error is None or isinstance(error, VoiceAgentError)
    assert len(heard) < 61 * 16_000
    assert psutil.Process(os.getpid()).memory_info().rss - before < 60e6


async def test_no_sound_in_a_film_is_unsupported(tmp_path: Path):
    data = changed(b"hdlr", 8, b"vide")
    _, error = await read(data)
    assert type(error) is UnsupportedFormat
