"""Sounds that are not speech, made the same every time: for false starts and invented words.

Each is float32 mono 16 kHz with an RMS of 1 over its loud part; `at_level` gives it a level.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

_RATE = ASR_SAMPLE_RATE_HZ
Random = np.random.Generator
Values = NDArray[np.float64]


def white(length: int, chance: Random) -> Samples:
    """Equal power at all frequencies."""
    return chance.standard_normal(length).astype(np.float32)


def pink(length: int, chance: Random) -> Samples:
    """Power falls by 3 dB an octave."""
    return _shaped(length, chance, lambda hz: np.maximum(hz, 20.0) ** -0.5)


def hum(length: int, chance: Random) -> Samples:
    """The mains and its overtones, with a little noise."""
    time_s = np.arange(length) / _RATE
    tones = [np.sin(2 * np.pi * 50 * n * time_s + chance.uniform(0, 6)) / n for n in range(1, 12)]
    return (np.sum(tones, axis=0) + 0.05 * white(length, chance)).astype(np.float32)


def street(length: int, chance: Random) -> Samples:
    """A low rumble that swells as cars pass, and a horn now and then."""
    sound = _shaped(length, chance, lambda hz: np.maximum(hz, 40.0) ** -1.2).astype(np.float64)
    for at in _moments(length, chance, every_s=6.0):
        tyres = _shaped(3 * _RATE, chance, lambda hz: 1 / (1 + (hz / 900) ** 2))
        _add(sound, at, 3.0 * _swell(3.0) * tyres)
    for at in _moments(length, chance, every_s=25.0):
        time_s = np.arange(int(0.4 * _RATE)) / _RATE
        horn = np.sign(np.sin(2 * np.pi * 420 * time_s)) + np.sign(np.sin(2 * np.pi * 530 * time_s))
        _add(sound, at, horn)
    return sound.astype(np.float32)


def keyboard(length: int, chance: Random) -> Samples:
    """Keys of a keyboard, in bursts: short clicks with a duller one behind."""
    sound = np.zeros(length)
    for at in _moments(length, chance, every_s=0.2):
        if (at // (4 * _RATE)) % 2 == 0:  # four seconds of typing, four of reading
            _add(sound, at, chance.uniform(0.5, 1.0) * _click(0.006, 3_500.0, chance))
            _add(sound, at + _RATE // 12, 0.4 * _click(0.010, 900.0, chance))
    return sound.astype(np.float32)


def breath(length: int, chance: Random) -> Samples:
    """Somebody breathes into the microphone: noise in the band of the mouth, in and out."""
    sound = np.zeros(length)
    for at in range(0, length, 4 * _RATE):
        for offset_s, seconds, loud in ((0.2, 1.2, 1.0), (1.8, 1.6, 0.6)):
            size = int(seconds * _RATE)
            piece = _swell(seconds) * _shaped(size, chance, lambda hz: _band(hz, 1_200, 0.8))
            _add(sound, at + int((offset_s + chance.uniform(0, 0.3)) * _RATE), loud * piece)
    return sound.astype(np.float32)


def cough(length: int, chance: Random) -> Samples:
    """One to three bursts: a sharp beginning, noise through a throat, a short voiced end."""
    sound = np.zeros(length)
    for at in _moments(length, chance, every_s=7.0):
        for n in range(int(chance.integers(1, 4))):
            size = int(0.35 * _RATE)
            time_s = np.arange(size) / _RATE
            air = _shaped(size, chance, lambda hz: _band(hz, 700, 1.0))
            throat = np.sign(np.sin(2 * np.pi * 140 * time_s))
            voice = throat * np.exp(-np.square(time_s - 0.2) / 0.003)
            burst = air * np.exp(-time_s / 0.08) + 0.4 * voice
            _add(sound, at + int(n * 0.5 * _RATE), burst)
    return sound.astype(np.float32)


NOISES: dict[str, Callable[[int, Random], Samples]] = {
    "white noise": white,
    "pink noise": pink,
    "mains hum": hum,
    "street": street,
    "keyboard": keyboard,
    "breath": breath,
    "cough": cough,
}
"""By name."""


def at_level(sound: Samples, dbfs: float) -> Samples:
    """The sound with its loud part (the louder half of its 20 ms) at a level."""
    step = _RATE // 50
    power = np.mean(np.square(sound[: len(sound) // step * step].reshape(-1, step)), axis=1)
    audible = power[power > power.max() / 1000]
    loud = np.sqrt(np.mean(np.sort(audible)[len(audible) // 2 :]))
    return np.clip(sound * (10 ** (dbfs / 20) / loud), -1, 1).astype(np.float32)


def _moments(length: int, chance: Random, every_s: float) -> list[int]:
    """Samples at which something happens: by chance, so often on average."""
    count = max(1, int(length / _RATE / every_s))
    return sorted(chance.integers(0, length, count).tolist())


def _swell(seconds: float) -> Samples:
    return np.hanning(int(seconds * _RATE)).astype(np.float32)


def _click(seconds: float, centre_hz: float, chance: Random) -> Samples:
    size = int(8 * seconds * _RATE)
    burst = _shaped(size, chance, lambda hz: _band(hz, centre_hz, 1.0))
    return burst * np.exp(-np.arange(size) / (seconds * _RATE)).astype(np.float32)


def _band(hz: Values, centre_hz: float, octaves: float) -> Values:
    """A hill in the spectrum."""
    away = np.log2(np.maximum(hz, 1.0) / centre_hz) / octaves
    return np.exp(-0.5 * np.square(away)).astype(np.float64)


def _shaped(length: int, chance: Random, gain: Callable[[Values], Values]) -> Samples:
    """Noise with an RMS of 1 and a spectrum: `gain` gives amplitudes of frequencies in Hz."""
    spectrum = np.fft.rfft(chance.standard_normal(length))
    sound = np.fft.irfft(
        spectrum * gain(np.fft.rfftfreq(length, 1 / _RATE).astype(np.float64)), length
    )
    return (sound / np.std(sound)).astype(np.float32)


def _add(sound: Values, at: int, piece: Samples | Values) -> None:
    end = min(len(sound), at + len(piece))
    if at < end:
        sound[at:end] += piece[: end - at]
