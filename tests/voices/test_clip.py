"""Clips as clients send them: formats, bounds in time and memory, what is refused."""

import tracemalloc

import numpy as np
import pytest

from tests.scripted_cloner import pitch_hz
from tests.voices.clips import encoded, flac_bomb, hum, voice, wav
from voice_agent.errors import BadAudio, TooLarge, UnsupportedFormat
from voice_agent.voices.clip import MAX_CLIP_BYTES, from_wav, read_clip, to_wav
from voice_agent.voices.prepare import CLIPPED, prepare

HZ = 24_000


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "webm"])
async def test_every_format_is_read_at_the_rate_asked_for(kind: str) -> None:
    samples = await read_clip(encoded(hum(330, 2, 48_000), kind), HZ)
    assert samples.dtype == np.float32
    assert len(samples) / HZ == pytest.approx(2, abs=0.06)
    assert pitch_hz(samples, HZ) == pytest.approx(330, abs=1)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "sub"),
    [(8000, 1, "ULAW"), (16_000, 1, "PCM_16"), (24_000, 1, "FLOAT"), (96_000, 2, "PCM_24")],
)
async def test_every_shape_of_wav_is_read(rate_hz: int, channels: int, sub: str) -> None:
    samples = await read_clip(wav(hum(330, 2, rate_hz), rate_hz, channels, sub), HZ)
    assert len(samples) == 2 * HZ
    assert pitch_hz(samples, HZ) == pytest.approx(330, abs=1)


async def test_what_a_recogniser_would_not_hear_is_kept() -> None:
    samples = await read_clip(wav(hum(10_000, 1, 48_000), 48_000), HZ)
    assert pitch_hz(samples, HZ) == pytest.approx(10_000, abs=1)
    assert np.abs(samples).max() > 0.15


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"This is a text file, and no audio at all.\n" * 50, bytes(5000), b"\xff" * 5000],
    ids=["nothing", "a byte", "text", "zeros", "ones"],
)
async def test_what_is_no_audio_is_bad_audio(data: bytes) -> None:
    with pytest.raises(BadAudio) as caught:
        await read_clip(data, HZ)
    assert caught.value.code == "bad_audio"


async def test_another_kind_of_audio_file_is_named() -> None:
    with pytest.raises(UnsupportedFormat, match="AIFF"):
        await read_clip(b"FORM" + bytes(1000), HZ)


@pytest.mark.parametrize("kind", ["wav", "flac"])
async def test_a_file_that_was_cut_is_refused(kind: str) -> None:
    data = voice() if kind == "wav" else encoded(hum(220, 2, 48_000), kind)
    with pytest.raises(BadAudio):
        await read_clip(data[: len(data) // 2] if kind == "wav" else data[:60], HZ)


async def test_a_minute_is_read_and_more_is_not() -> None:
    assert len(await read_clip(voice(seconds=60), HZ)) == 60 * HZ
    with pytest.raises(TooLarge, match="60 s"):
        await read_clip(voice(seconds=61), HZ)


@pytest.mark.parametrize("kind", ["ogg", "mp3"])
async def test_minutes_are_left_after_one(kind: str) -> None:
    with pytest.raises(TooLarge, match="60 s"):
        await read_clip(encoded(hum(220, 150, 16_000), kind, 16_000), HZ)


async def test_a_file_over_the_limit_is_not_looked_at() -> None:
    with pytest.raises(TooLarge, match="bytes"):
        await read_clip(bytes(MAX_CLIP_BYTES + 1), HZ)


@pytest.mark.long
async def test_hours_of_silence_in_a_small_file_cost_a_minute_of_it() -> None:
    bomb = flac_bomb(hours=3)
    assert len(bomb) < 400_000
    tracemalloc.start()
    with pytest.raises(TooLarge, match="60 s"):
        await read_clip(bomb, HZ)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 40 << 20


def test_silence_at_both_ends_is_cut_off() -> None:
    quiet = np.zeros(HZ, np.float32)
    clip = prepare(np.concatenate([quiet, hum(220, 2), quiet, hum(220, 1), quiet]), HZ)
    assert clip.duration_s == pytest.approx(4.2, abs=0.05)
    assert clip.notes == ()


def test_noise_at_both_ends_is_silence_too() -> None:
    noise = np.random.default_rng(1).normal(0, 0.0005, 4 * HZ).astype(np.float32)
    noise[HZ : 3 * HZ] += hum(220, 2)
    assert prepare(noise, HZ).duration_s == pytest.approx(2.2, abs=0.05)


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (np.zeros(2 * HZ, np.float32), "silent"),
        (np.full(2 * HZ, 1e-4, np.float32), "silent"),
        (hum(220, 0.2), r"0\.2 s of sound"),
        (np.concatenate([hum(220, 0.5), np.zeros(5 * HZ, np.float32)]), r"0\.6 s of sound"),
        (np.full(1, 0.5, np.float32), r"0\.0 s of sound"),
    ],
    ids=["zeros", "almost", "0.2 s", "mostly silent", "a sample"],
)
def test_too_little_sound_is_refused(sound: np.ndarray, words: str) -> None:
    with pytest.raises(BadAudio, match=words):
        prepare(sound, HZ)


def test_a_clip_that_was_recorded_too_loud_is_used_and_noted() -> None:
    assert prepare(np.clip(hum(220, 2, level=3), -1, 1), HZ).notes == (CLIPPED,)
    assert prepare(hum(220, 2, level=0.75), HZ).notes == ()


async def test_a_clip_comes_back_from_the_file_it_is_kept_in() -> None:
    clip = prepare(await read_clip(voice(), HZ), HZ)
    samples, rate_hz = from_wav(to_wav(clip.samples, HZ))
    assert rate_hz == HZ
    assert np.abs(samples - clip.samples).max() <= 0.5 / 32_768
    for damaged in (b"", b"RIFF", to_wav(samples, HZ)[:-2], wav(hum(220), HZ, 2)):
        with pytest.raises(BadAudio, match="damaged"):
            from_wav(damaged)
