"""What a telephone hears besides speech, 6 s of each: float32 mono 16 kHz, repeatable."""

from collections.abc import Callable, Mapping

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

_SECONDS = 6.0
_N = int(_SECONDS * ASR_SAMPLE_RATE_HZ)
_DTMF_HZ = {"1": (697, 1209), "5": (770, 1336), "9": (852, 1477), "#": (941, 1477)}


def _times() -> Samples:
    return (np.arange(_N) / ASR_SAMPLE_RATE_HZ).astype(np.float32)


def _noise(level: float) -> Samples:
    return np.random.default_rng(7).normal(0, level, _N).astype(np.float32)


def _pink(level: float) -> Samples:
    spectrum = np.fft.rfft(_noise(1.0))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    sound = np.fft.irfft(spectrum, _N)
    return (level * sound / np.std(sound)).astype(np.float32)


def _pulses(every_s: float, length_s: float) -> Samples:
    """An envelope of soft humps."""
    phase = np.mod(_times(), every_s) / length_s
    return np.where(phase < 1, np.sin(np.pi * np.clip(phase, 0, 1)) ** 2, 0).astype(np.float32)


def _tones(frequencies_hz: list[float]) -> Samples:
    harmonics = [(f * n, 0.5**n) for f in frequencies_hz for n in range(1, 5)]
    sound = sum(level * np.sin(2 * np.pi * hz * _times()) for hz, level in harmonics)
    return (0.2 * sound / np.max(np.abs(sound))).astype(np.float32)


def _hold_music() -> Samples:
    """Four chords, a note at a time, over a bass."""
    notes = [220.0, 277.2, 329.6, 440.0, 329.6, 277.2]
    parts = np.array_split(np.arange(_N), 4 * len(notes))
    sound = np.zeros(_N, np.float32)
    for index, part in enumerate(parts):
        transposed = [1.0, 1.12, 0.89, 1.0][index // len(notes)]
        decay = np.exp(-3 * np.linspace(0, 1, len(part)))
        sound[part] = _tones([transposed * notes[index % len(notes)]])[part] * decay
    return (sound + 0.3 * _tones([110.0])).astype(np.float32)


def _dtmf() -> Samples:
    keys = list(_DTMF_HZ.values())
    sound = np.zeros(_N, np.float32)
    for index, part in enumerate(np.array_split(np.arange(_N), 12)):
        pressed = part[: len(part) // 2]
        for hz in keys[index % len(keys)]:
            sound[pressed] += 0.2 * np.sin(2 * np.pi * hz * _times()[pressed])
    return sound


def _cough() -> Samples:
    attack = np.mod(_times(), 2.0)
    return (_noise(0.3) * np.exp(-12 * attack)).astype(np.float32)


SOUNDS: Mapping[str, Callable[[], Samples]] = {
    "silence": lambda: np.zeros(_N, np.float32),
    "hiss": lambda: _noise(0.01),
    "loud white noise": lambda: _noise(0.1),
    "a room": lambda: _pink(0.05),
    "hum": lambda: _tones([50.0, 100.0]),
    "ringing": lambda: _tones([440.0, 480.0]) * _pulses(3.0, 1.0),
    "hold music": _hold_music,
    "keys": _dtmf,
    "breathing": lambda: _pink(0.05) * _pulses(2.5, 1.2),
    "a cough": _cough,
}
