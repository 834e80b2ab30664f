"""Sounds that are not speech, and what rooms and lines do to speech."""

import random
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from tests.phone_speaker import SAMPLE_RATE_HZ
from voice_agent.audio.g711 import mulaw_decode, mulaw_encode

Samples = NDArray[np.float32]

_DTMF_HZ = ((697, 770, 852, 941), (1209, 1336, 1477, 1633))


def noise(rng: random.Random, length_s: float) -> Samples:
    """One of the sounds that a model must not take for words."""
    n_samples = round(length_s * SAMPLE_RATE_HZ)
    make = rng.choice((_silence, _coloured, _coloured, _hum, _tone, _dtmf, _breath, _clicks))
    sound = make(rng, n_samples)
    peak = float(np.abs(sound).max(initial=1e-9))
    return (sound * (10 ** (rng.uniform(-60, -3) / 20) / peak)).astype(np.float32)


def worsen(rng: random.Random, sound: Samples, speech: bool = True) -> Samples:
    """`sound` in another level, often in a room, in noise or over a telephone."""
    sound = sound * 10 ** (rng.uniform(-20, 4) / 20)
    if speech and rng.random() < 0.35:
        sound = _in_a_room(rng, sound)
    if rng.random() < 0.6:
        sound = _in_noise(rng, sound)
    if rng.random() < 0.4:
        sound = _over_telephone(sound)
    return np.clip(sound, -1, 1).astype(np.float32)


def _generator(rng: random.Random) -> np.random.Generator:
    return np.random.default_rng(rng.getrandbits(32))


def _silence(rng: random.Random, n_samples: int) -> Samples:
    return np.zeros(n_samples, np.float32)


def _coloured(rng: random.Random, n_samples: int, slope: float | None = None) -> Samples:
    """Noise whose amplitude falls with frequency: 0 white, 0.5 pink, 1 brown."""
    bank = _bank(rng.choice((0.0, 0.5, 0.5, 1.0)) if slope is None else slope)
    return np.take(bank, np.arange(n_samples) + rng.randrange(len(bank)), mode="wrap")


@cache
def _bank(slope: float) -> Samples:
    """A minute of noise: drawing it anew each time took a third of the preparation."""
    white = np.random.default_rng(5).standard_normal(1 << 20, dtype=np.float32)
    spectrum = np.fft.rfft(white)
    spectrum *= np.arange(1, len(spectrum) + 1, dtype=np.float32) ** -slope
    return np.fft.irfft(spectrum).astype(np.float32)


def _hum(rng: random.Random, n_samples: int) -> Samples:
    time_s = np.arange(n_samples, dtype=np.float32) / SAMPLE_RATE_HZ
    base_hz = rng.choice((50.0, 60.0, 100.0, 120.0))
    tones = [rng.random() / k * np.sin(2 * np.pi * base_hz * k * time_s) for k in range(1, 9)]
    return np.sum(tones, axis=0).astype(np.float32)


def _tone(rng: random.Random, n_samples: int) -> Samples:
    time_s = np.arange(n_samples, dtype=np.float32) / SAMPLE_RATE_HZ
    sound = np.sin(2 * np.pi * rng.uniform(200, 3000) * time_s)
    if rng.random() < 0.6:  # a ringing or busy line
        period_s = rng.uniform(0.2, 2.0)
        sound = sound * ((time_s % period_s) < period_s * rng.uniform(0.3, 0.7))
    return sound.astype(np.float32)


def _dtmf(rng: random.Random, n_samples: int) -> Samples:
    sound = np.zeros(n_samples, np.float32)
    at = 0
    while at < n_samples:
        n_tone = round(rng.uniform(0.06, 0.3) * SAMPLE_RATE_HZ)
        time_s = np.arange(min(n_tone, n_samples - at)) / SAMPLE_RATE_HZ
        for group_hz in _DTMF_HZ:
            sound[at : at + n_tone] += np.sin(2 * np.pi * rng.choice(group_hz) * time_s)
        at += n_tone + round(rng.uniform(0.05, 0.4) * SAMPLE_RATE_HZ)
    return sound


def _breath(rng: random.Random, n_samples: int) -> Samples:
    """Noise that swells and falls, in and out."""
    time_s = np.arange(n_samples, dtype=np.float32) / SAMPLE_RATE_HZ
    swell = np.sin(np.pi * time_s / rng.uniform(0.4, 1.5) + rng.uniform(0, 3)) ** 2
    return (_coloured(rng, n_samples, 0.5) * swell**2).astype(np.float32)


def _clicks(rng: random.Random, n_samples: int) -> Samples:
    sound = _coloured(rng, n_samples, 0.5) * 0.002
    click = np.exp(-np.arange(400) / rng.uniform(5, 80)).astype(np.float32)
    for _ in range(1 + n_samples // rng.randint(2_000, 20_000)):
        at = rng.randrange(n_samples)
        length = min(len(click), n_samples - at)
        burst = _generator(rng).standard_normal(length, dtype=np.float32)
        sound[at : at + length] += click[:length] * burst
    return sound


def _in_a_room(rng: random.Random, sound: Samples) -> Samples:
    n_tail = round(rng.uniform(0.05, 0.35) * SAMPLE_RATE_HZ)
    tail = _generator(rng).standard_normal(n_tail, dtype=np.float32)
    tail *= np.exp(-6.9 * np.arange(n_tail, dtype=np.float32) / n_tail)
    tail *= 10 ** (rng.uniform(-22, -6) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    n_fast = _fast_length(len(sound) + n_tail)
    spectrum = np.fft.rfft(sound, n_fast) * np.fft.rfft(tail, n_fast)
    return np.fft.irfft(spectrum, n_fast)[: len(sound)].astype(np.float32)


def _in_noise(rng: random.Random, sound: Samples) -> Samples:
    level = float(np.sqrt(np.mean(sound**2))) + 1e-5
    kind = _hum if rng.random() < 0.08 else _coloured
    added = kind(rng, len(sound))
    ratio_db = rng.triangular(6, 50, 25)
    gain = level * 10 ** (-ratio_db / 20) / (float(np.sqrt(np.mean(added**2))) + 1e-9)
    return (sound + gain * added).astype(np.float32)


def _over_telephone(sound: Samples) -> Samples:
    narrow = np.clip(soxr.resample(sound, SAMPLE_RATE_HZ, 8_000, "LQ"), -1, 1)
    line = mulaw_decode(mulaw_encode((narrow * 32_767).astype(np.int16))).astype(np.float32)
    wide = soxr.resample(line / 32_768, 8_000, SAMPLE_RATE_HZ, "LQ")
    return wide.astype(np.float32)


def _fast_length(n: int) -> int:
    unit = 1 << max(0, n.bit_length() - 4)
    return -(-n // unit) * unit
