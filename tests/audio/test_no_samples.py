"""What is neither a known format nor samples is refused, and samples never are."""

import io
import json
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media import encoded, read, tones
from numpy.typing import NDArray

from voice_agent.audio.g711 import alaw_encode, mulaw_encode
from voice_agent.audio.pcm import float_to_int16
from voice_agent.audio.stream_decoder import StreamDecoder
from voice_agent.errors import BadAudio, UnsupportedFormat

SAMPLES = float_to_int16(tones(2.0, 16_000))
RANDOM = np.random.default_rng(3)


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "\n".join(map(str, range(20_000))))
    return file.getvalue()


OTHERS = {
    "random bytes": RANDOM.integers(0, 256, 50_000, np.uint8).tobytes(),
    "compressed": zlib.compress(str(list(range(30_000))).encode())[2:],
    "a ZIP": _zip(),
    "JSON": json.dumps({"text": ["some text"] * 500}).encode(),
    "HTML": b"<!doctype html><html><body>" + b"<p>Nothing to hear.</p>\n" * 300,
    "UTF-16": ("Nothing to hear.\r\n" * 300).encode("utf-16"),
    "an AAC without its first frame": encoded("aac")[300:],
    "an MP3 without its first frame": encoded("mp3-bare", 3.0)[100:],
    "Ogg without its first page": encoded("ogg-opus")[encoded("ogg-opus").index(b"OggS", 4) :],
    "mulaw": mulaw_encode(SAMPLES),
    "alaw": alaw_encode(SAMPLES),
    "8 bits": (SAMPLES // 256 + 128).astype(np.uint8).tobytes(),
}


@pytest.mark.parametrize("chunk", [None, 1_024, 640, 8, 7, 1])
@pytest.mark.parametrize("name", OTHERS)
async def test_what_is_no_sound_is_an_error_and_never_noise(name: str, chunk: int | None):
    data = OTHERS[name][:20_000]
    heard, error = await read(data, chunk)
    assert len(heard) == 0
    assert isinstance(error, BadAudio)


def _recording_without_its_first_piece(mark: bytes) -> bytes:
    data = encoded("webm", 2.0)
    cluster = data.index(b"\x1f\x43\xb6\x75")
    # a cluster's head is its name, its size and its time, and then come its blocks
    return data[data.index(mark, cluster + (mark == b"\xa3") * 9) :]


@pytest.mark.parametrize("chunk", [None, 1_024, 7, 1])
@pytest.mark.parametrize("mark", [b"\x1f\x43\xb6\x75", b"\xa3"])
async def test_a_recording_without_its_first_piece_is_said_to_lack_it(
    mark: bytes, chunk: int | None
):
    heard, error = await read(_recording_without_its_first_piece(mark), chunk)
    assert len(heard) == 0
    assert type(error) is UnsupportedFormat
    assert "lacks its beginning" in str(error)


@pytest.mark.parametrize("chunk", [None, 1_024, 7, 1])
async def test_fragments_without_their_beginning_are_said_to_lack_it(chunk: int | None):
    data = encoded("mp4-live", 2.0)
    heard, error = await read(data[data.index(b"moof") - 4 :], chunk)
    assert len(heard) == 0
    assert "lacks its beginning" in str(error)


def _sounds() -> dict[str, NDArray[np.float64]]:
    t = np.arange(32_000) / 16_000
    noise = np.random.default_rng(5).normal(0, 1, 32_000)
    brown = np.cumsum(noise)
    return {
        "tones": tones(2.0, 16_000).astype(np.float64),
        "white noise": noise / 4,
        "pink noise": brown / np.abs(brown).max(),
        "clicks": (np.arange(32_000) % 800 == 0) * 1.0,
        "a sine": np.sin(2 * np.pi * 440 * t),
        "a sawtooth": t * 440 % 1 * 2 - 1,
        "a square": np.sign(np.sin(2 * np.pi * 300 * t)),
        "a chirp": np.sin(2 * np.pi * 2_000 * t**2),
    }


@pytest.mark.parametrize("name", _sounds())
@pytest.mark.parametrize("level", [0.0001, 0.01, 0.3, 1.0, 4.0])
async def test_sound_is_never_refused(name: str, level: float):
    sound = np.clip(_sounds()[name] * level, -1, 32_767 / 32_768)
    samples = np.rint(sound * 32_768).astype("<i2")
    for chunk in (None, 640, 2):
        heard, error = await read(samples.tobytes()[:12_000], chunk)
        assert error is None
        assert np.array_equal(heard, samples[:6_000])
    coarse = samples // 256 * 256  # as if it had had 8 bits
    heard, error = await read(coarse.astype("<i2").tobytes())
    assert error is None
    assert len(heard) == len(samples)
    heard, error = await read(sound.astype("<f4").tobytes())
    assert error is None
    assert len(heard) == len(samples)


@pytest.mark.parametrize("codec", [mulaw_encode, alaw_encode])
async def test_samples_that_were_g711_once_are_samples(codec):
    from voice_agent.audio.g711 import alaw_decode, mulaw_decode

    decode = mulaw_decode if codec is mulaw_encode else alaw_decode
    for level in (0.1, 1.0, 3.0):
        loud = np.clip(SAMPLES * level, -32_768, 32_767).astype(np.int16)
        heard, error = await read(decode(codec(loud)).astype("<i2").tobytes(), 640)
        assert error is None
        assert len(heard) == len(SAMPLES)


@given(first=st.binary(min_size=1, max_size=3))
async def test_whatever_a_stream_of_samples_begins_with_it_is_heard(first: bytes):
    data = first + SAMPLES.astype("<i2").tobytes()[: 16_000 - len(first)]
    reader = StreamDecoder()
    try:
        n_heard = 0
        for at in range(0, len(data), 640):
            n_heard += len(await reader.feed(data[at : at + 640]))
        assert n_heard + len(await reader.flush()) == 8_000
    finally:
        await reader.close()


async def test_samples_after_bytes_that_were_none_are_heard_again_in_half_a_second():
    reader = StreamDecoder()
    with pytest.raises(UnsupportedFormat):
        await reader.feed(OTHERS["random bytes"][:8_192])
    for _ in range(5):
        assert len(await reader.feed(OTHERS["random bytes"][:8_192])) == 0
    n_heard = 0
    data = SAMPLES.astype("<i2").tobytes()
    for at in range(0, len(data), 640):
        n_heard += len(await reader.feed(data[at : at + 640]))
    assert n_heard >= 24_000 - 4_096


async def test_a_container_after_bytes_that_were_none_is_heard():
    reader = StreamDecoder()
    with pytest.raises(UnsupportedFormat):
        await reader.feed(OTHERS["mulaw"])
    assert len(await reader.feed(encoded("flac"))) + len(await reader.flush()) == 16_000


async def test_tags_one_after_another_are_passed_over():
    tag = b"ID3\4\0\0\0\0\0\0"
    heard, error = await read(tag * 20_000 + encoded("mp3"))
    assert error is None
    assert len(heard) > 15_000
    heard, error = await read(tag * 20_000)
    assert isinstance(error, BadAudio)
    _, error = await read(b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(1_000))
    assert isinstance(error, BadAudio)
    _, error = await read(tag + OTHERS["random bytes"])
    assert isinstance(error, UnsupportedFormat)
