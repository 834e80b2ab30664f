"""More sounds that are not speech: signals of the telephone, and of animals and things.

All are made, since no corpus of noises can be had here; a voice-like bark is the hardest.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.noises import NOISES, Random, pink, white
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

_HZ = ASR_SAMPLE_RATE_HZ
Values = NDArray[np.float64]


def ring_back(length: int, chance: Random) -> Samples:
    """American, then European ringing."""
    time_s = np.arange(length) / _HZ
    tones = np.sin(2 * np.pi * 440 * time_s) + np.sin(2 * np.pi * 480 * time_s)
    american = tones * (time_s % 6 < 2)
    european = 1.4 * np.sin(2 * np.pi * 425 * time_s) * (time_s % 5 < 1)
    return np.where(time_s < time_s[-1] / 2, american, european).astype(np.float32)


def keys(length: int, chance: Random) -> Samples:
    """Somebody presses keys of a telephone, 60 to 400 ms each."""
    sound = np.zeros(length)
    for at in _moments(length, chance, 0.4, 0.15):
        time_s = np.arange(int(_HZ * chance.uniform(0.06, 0.4))) / _HZ
        low, high = chance.choice([697, 770, 852, 941]), chance.choice([1209, 1336, 1477, 1633])
        tones = np.sin(2 * np.pi * low * time_s) + np.sin(2 * np.pi * high * time_s)
        _add(sound, at, chance.uniform(0.3, 1.0) * tones)
    return sound.astype(np.float32)


def crackle(length: int, chance: Random) -> Samples:
    """A bad contact."""
    sound = 0.01 * white(length, chance).astype(np.float64)
    for at in _moments(length, chance, 0.15):
        size = int(_HZ * chance.uniform(0.0005, 0.02))
        decay = np.exp(-3 * np.arange(size) / size)
        _add(sound, at, chance.uniform(0.1, 1.0) * chance.standard_normal(size) * decay)
    return sound.astype(np.float32)


def wind(length: int, chance: Random) -> Samples:
    """Gusts."""
    gusts = np.interp(
        np.arange(length), np.arange(0, length, _HZ), chance.random(-(-length // _HZ))
    )
    return (pink(length, chance) * gusts**2).astype(np.float32)


def barks(length: int, chance: Random) -> Samples:
    """A dog: rough harmonics with the resonances of a throat, singly and in rows."""
    sound = np.zeros(length)
    for at in _moments(length, chance, 1.5, 1.0):
        pitch_hz = chance.uniform(300, 700)
        for n in range(chance.integers(1, 5)):
            time_s = np.arange(int(_HZ * chance.uniform(0.1, 0.25))) / _HZ
            swell = np.sin(np.pi * time_s / time_s[-1])
            phase = 2 * np.pi * np.cumsum(pitch_hz * (0.8 + 0.4 * swell)) / _HZ
            voice = np.sum([np.sin(k * phase) / k for k in range(1, 7)], axis=0)
            rough = voice + 0.6 * chance.standard_normal(len(time_s))
            bark = _resonant(rough, (900, 1800), (300, 400)) * np.sqrt(np.maximum(swell, 0))
            _add(sound, at + int(n * 0.35 * _HZ), chance.uniform(0.1, 1.0) * bark)
    return sound.astype(np.float32)


def knocks(length: int, chance: Random) -> Samples:
    """Doors, cups and steps."""
    sound = np.zeros(length)
    for at in _moments(length, chance, 1.2, 0.3):
        time_s = np.arange(_HZ // 4) / _HZ
        body = (chance.uniform(100, 400), chance.uniform(500, 2500))
        knock = _resonant(chance.standard_normal(len(time_s)), body, (30, 80))
        _add(sound, at, chance.uniform(0.2, 1.0) * knock * np.exp(-time_s / 0.05))
    return sound.astype(np.float32)


ALL_NOISES = NOISES | {
    "ring-back": ring_back,
    "keys": keys,
    "crackle": crackle,
    "wind": wind,
    "barks": barks,
    "knocks": knocks,
}


def _moments(length: int, chance: Random, mean_s: float, least_s: float = 0.0) -> list[int]:
    found, at_s = list[int](), 0.5
    while at_s < length / _HZ - 1:
        found.append(int(at_s * _HZ))
        at_s += least_s + chance.exponential(mean_s)
    return found


def _add(sound: Values, at: int, piece: Values) -> None:
    piece = piece[: max(0, len(sound) - at)]
    sound[at : at + len(piece)] += piece


def _resonant(sound: Values, at_hz: tuple[float, ...], width_hz: tuple[float, ...]) -> Values:
    hz = np.fft.rfftfreq(len(sound), 1 / _HZ)
    hills = [1 / (1 + ((hz - a) / w) ** 2) for a, w in zip(at_hz, width_hz, strict=True)]
    shaped = np.fft.irfft(np.fft.rfft(sound) * np.sum(hills, axis=0), len(sound))
    return shaped / np.std(shaped)
