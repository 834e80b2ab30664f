"""Containers through the reader: what is heard, when, and what is said of cut files."""

import numpy as np
import pytest
from media import ENCODED, encoded, error_db, mux, read, streamed, tones, video_only, wav

from voice_agent.audio.stream_decoder import StreamDecoder
from voice_agent.errors import BadAudio, TooLarge, UnsupportedFormat

SLACK = {"mp3": 576, "ogg-vorbis": 256, "wav-adpcm": 300, "wav-ima": 340, "amr": 320}
"""Samples at the end that FFmpeg gives or takes: padding to a whole frame or block, and the
last short block of a Vorbis stream (from a seekable file it does the same)."""

DELAYED = {"mp3-bare": 1_105, "wav-mp3": 1_105} | dict.fromkeys(
    ("m4a", "m4a-late", "mp4-live", "mov", "aac", "aac-tagged"), 1_024
)
"""Samples by which a stream comes late that does not say what the encoder put in front; those
from 1 s of sound are rounded up to a whole frame."""

CASES = [
    (name, rate_hz, channels)
    for name in ENCODED
    for rate_hz in ((48_000,) if "opus" in name or name == "webm" else (16_000, 44_100, 48_000))
    for channels in (1, 2)
    if name != "amr"
]


@pytest.mark.parametrize(("name", "rate_hz", "channels"), CASES)
async def test_every_container_is_heard_as_it_was_said(name: str, rate_hz: int, channels: int):
    heard, error = await read(encoded(name, 1.0, rate_hz, channels))
    assert error is None
    late = round(DELAYED.get(name, 0) * 16_000 / rate_hz)
    padding = 1_152 * 16_000 // rate_hz if late else 0
    assert -SLACK.get(name, 1) <= len(heard) - 16_000 - late <= SLACK.get(name, 1) + padding
    heard = heard[late:]
    assert error_db(heard[800:15_000], tones(1.0, 16_000)[800:15_000]) < -15


async def test_amr_is_heard_as_far_as_it_can_be():
    heard, error = await read(encoded("amr"))
    assert error is None
    assert 16_000 <= len(heard) <= 16_320
    delayed = heard[219 : 219 + 16_000].astype(float)
    said = tones(1.0, 16_000)[: len(delayed)]
    assert np.corrcoef(delayed[800:15_000], said[800:15_000])[0, 1] > 0.7


@pytest.mark.parametrize(
    ("sub", "limit_db"),
    [
        ("PCM_U8", -30),
        ("PCM_16", -60),
        ("PCM_24", -60),
        ("PCM_32", -60),
        ("FLOAT", -60),
        ("DOUBLE", -60),
        ("ULAW", -30),
        ("ALAW", -30),
    ],
)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
async def test_every_wav_is_heard_as_it_was_said(
    sub: str, limit_db: float, rate_hz: int, channels: int
):
    heard, error = await read(wav(0.5, rate_hz, channels, sub))
    assert error is None
    assert len(heard) == 8_000
    assert error_db(heard[200:-200], tones(0.5, 16_000)[200:-200]) < limit_db


@pytest.mark.parametrize("name", ENCODED)
async def test_how_a_container_is_cut_into_frames_changes_nothing(name: str):
    data = encoded(name, 0.3)
    whole, _ = await read(data)
    for chunk in (997, 61):
        pieces, error = await read(data, chunk)
        assert error is None
        assert np.array_equal(whole, pieces)


@pytest.mark.parametrize("name", ["wav", *ENCODED])
async def test_byte_by_byte_is_the_same(name: str):
    data = wav(0.05, 8_000, 1, "ULAW") if name == "wav" else encoded(name, 0.06)
    whole, _ = await read(data)
    pieces, error = await read(data, 1)
    assert error is None
    assert np.array_equal(whole, pieces)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
async def test_a_streamed_wav_gives_every_sample_at_once(size: int):
    data = streamed(wav(), size)
    reader = StreamDecoder()
    head = len(data) - 32_000
    assert len(await reader.feed(data[:head])) == 0
    for first in range(head, len(data), 640):
        assert len(await reader.feed(data[first : first + 640])) == 320
    await reader.flush()
    await reader.close()


@pytest.mark.parametrize(
    ("name", "limit_s"), [("ogg-opus-live", 0.08), ("webm", 0.12), ("mp3-bare", 0.2)]
)
async def test_a_live_stream_is_heard_as_it_comes(name: str, limit_s: float):
    data = encoded(name, 2.0)
    reader = StreamDecoder()
    heard_s, worst_s, step = 0.0, 0.0, len(data) // 100
    for first in range(0, len(data) - step, step):
        heard_s += len(await reader.feed(data[first : first + step])) / 16_000
        worst_s = max(worst_s, (first + step) / len(data) * 2.0 - heard_s)
    await reader.close()
    assert worst_s < limit_s


async def test_wav_files_one_after_another_are_one_stream():
    heard, error = await read(wav(0.5) * 3, 1_000)
    assert error is None
    assert len(heard) == 24_000


@pytest.mark.parametrize("name", ["ogg-opus", "ogg-vorbis", "ogg-opus-live"])
async def test_a_cut_ogg_is_heard_up_to_the_cut_and_then_reported(name: str):
    data = encoded(name, 4.0)
    heard, error = await read(data[: data.rindex(b"OggS") - 10])
    assert 8_000 < len(heard) < 64_000
    assert error_db(heard[800:-800], tones(4.0, 16_000)[800 : len(heard) - 800]) < -15
    assert type(error) is BadAudio
    assert "inside a page" in str(error)


@pytest.mark.parametrize(
    "name", [name for name in ENCODED if name not in ("au", "au-mulaw", "amr", "aac")]
)
async def test_what_is_too_short_to_open_is_bad_audio(name: str):
    heard, error = await read(encoded(name)[:40])
    assert len(heard) == 0 or name == "mp3-bare"  # whose 40 bytes could be raw samples
    assert type(error) is BadAudio or name == "mp3-bare"


@pytest.mark.parametrize(
    "name", ["mp3", "flac", "webm", "m4a", "mp4-live", "aac", "au", "aiff", "wav-ima", "amr"]
)
async def test_other_cut_files_are_heard_up_to_the_cut(name: str):
    data = encoded(name, 2.0)
    heard, error = await read(data[: len(data) // 2])
    assert error is None or name == "mp4-live"  # which is cut inside a fragment
    assert 8_000 < len(heard) < 24_000


@pytest.mark.parametrize("name", ["m4a-late", "mov"])
async def test_an_mp4_that_is_cut_before_its_index_is_bad_audio(name: str):
    data = encoded(name)
    for cut in (len(data) // 2, len(data) - 10):
        heard, error = await read(data[:cut])
        assert len(heard) == 0
        assert type(error) is BadAudio
        assert "index" in str(error)


async def test_a_cut_wav_is_heard_and_then_reported():
    heard, error = await read(wav()[:-2_000])
    assert len(heard) == 15_000
    assert "2000 bytes early" in str(error)


@pytest.mark.parametrize("magic", [b"fLaC", b"\x1a\x45\xdf\xa3", b"ID3", b"OggS"])
async def test_magic_before_garbage_is_bad_audio(magic: bytes):
    noise = np.random.default_rng(1).integers(0, 256, 40_000, np.uint8).tobytes()
    heard, error = await read(magic + noise)
    assert len(heard) == 0
    assert isinstance(error, BadAudio)


async def test_a_wav_of_garbage_is_bad_audio():
    heard, error = await read(b"RIFF\xff\xff\xff\xffWAVE" + bytes(range(255, 0, -1)) * 9)
    assert len(heard) == 0
    assert type(error) is BadAudio


@pytest.mark.parametrize(
    ("at", "value"), [(20, b"\x99\x00"), (22, b"\x09\x00"), (24, b"\x07\x00\x00\x00")]
)
async def test_a_wav_of_an_unread_codec_or_shape_is_unsupported(at: int, value: bytes):
    data = wav()
    _, error = await read(data[:at] + value + data[at + len(value) :])
    assert isinstance(error, UnsupportedFormat)


async def test_a_video_without_sound_is_unsupported():
    heard, error = await read(video_only())
    assert len(heard) == 0
    assert isinstance(error, UnsupportedFormat)


async def test_a_small_file_of_long_silence_is_too_large():
    long = mux(np.zeros((16_000 * 400, 1), np.int16), "flac", "flac", 16_000, {})
    heard, error = await read(long)
    assert isinstance(error, TooLarge)
    assert len(heard) <= 60 * 16_000


async def test_a_large_cover_picture_is_passed_over():
    picture = b"ID3\x04\0\0\0\x40\0\0" + bytes(2**20)  # a tag of 1 MiB
    heard, error = await read(picture + encoded("mp3-bare"), 50_000)
    assert error is None
    assert len(heard) > 16_000
