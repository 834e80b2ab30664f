"""Whether bytes can be 16-bit samples at all.

Of a 16-bit sample the low byte is nearly random and the high one is not: it is what makes
sound of it. Where both have the same distribution, the bytes are something else: compressed
or encrypted, or samples of 8 or 24 bits. Read as 16-bit samples that is loud noise.

Measured in windows of 4,096 bytes: 2,544 of speech in five languages and music on hold, at -40
to -2 dBFS and clipped, and the same after µ-law, A-law and 8 bits: none of 10,176 refused (2 %
of first frames of 20 ms are held back, until 128 ms have come). Refused are AAC, MP3, Opus, WMA,
AMR, ADPCM, ZIP and random bytes, all; samples of 8 bits, all; µ-law 98.9 %, A-law 99.6 %. What is
refused and is sound is white noise of uniform distribution at full scale: no microphone gives
that, it clips before. Not known here are big-endian samples, and 32-bit integers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOW_BYTES: Final = 4_096

_MAX_WINDOWS: Final = 16
"""Looked at in a long piece: 64 KiB."""

_LOUD: Final = 0.2
"""Full scale is 1. Misread bytes have 0.3–0.7; below, the statistics say nothing."""

_ALIKE: Final = 0.03
"""Distance of the bytes' distributions in a whole window: same ones have 0.007 and at most
0.025, sound without correlation has at least 0.04."""

_DOUBT: Final = 60.0
"""Of a shorter piece: the distance in units of 1/n; its expectation is 15/n for same ones."""

_CORRELATED: Final = 0.35
"""Of neighbouring samples. A sound with alike bytes (a loud sawtooth, say) has at least 0.7."""

_UNEVEN: Final = 0.6
"""How far low bytes are from all alike: G.711's 0.3–12; of a sound with alike bytes 0.43."""

_SAME_SIGN: Final = 0.15
"""How much more often than by chance low and high byte have the same upper bit: of neighbouring
samples of 8 bits nearly always."""

_MIN_SAMPLES: Final = 256
"""Fewer say nothing."""


def may_be_samples(data: bytes) -> bool:
    """False if most of this is no sound when read as 16-bit samples, whatever it is."""
    windows = [
        data[first : first + WINDOW_BYTES]
        for first in range(0, max(len(data) - WINDOW_BYTES, 0) + 1, WINDOW_BYTES)
    ][:_MAX_WINDOWS]
    return 2 * sum(map(_is_noise, windows)) < max(len(windows), 1)


def is_doubtful(data: bytes) -> bool:
    """True if this is too short to tell, and loud enough to matter."""
    if len(data) >= WINDOW_BYTES:
        return False
    samples = _samples(data)
    if _level(samples) <= _LOUD:
        return False
    return len(samples) < _MIN_SAMPLES or _distance(data) < _DOUBT / len(samples)


def _is_noise(data: bytes) -> bool:
    samples = _samples(data)
    if len(samples) < _MIN_SAMPLES or _level(samples) <= _LOUD:
        return False
    if _distance(data) >= max(_ALIKE, _DOUBT / len(samples)):
        return False
    if abs(_correlation(samples)) < _CORRELATED:
        return True
    low = np.frombuffer(data[: len(data) // 2 * 2], np.uint8)[::2]
    uneven = float(np.sum((_counts(low) / len(low) - 1 / 16) ** 2)) * 16
    alike = int(np.count_nonzero((low >= 0x80) == (samples < 0))) / len(low)
    return uneven > _UNEVEN or abs(alike - 0.5) > _SAME_SIGN


def _samples(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32_768)


def _level(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0


def _distance(data: bytes) -> float:
    """Between the distributions of low and of high bytes, by their upper four bits; 0 to 2."""
    both = np.frombuffer(data[: len(data) // 2 * 2], np.uint8)
    low, high = _counts(both[::2]), _counts(both[1::2])
    return float(np.sum((low - high) ** 2 / np.maximum(low + high, 1))) / (len(both) / 2)


def _counts(values: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How often each value of the upper four bits comes."""
    return np.bincount(values >> 4, minlength=16).astype(np.float64)


def _correlation(samples: NDArray[np.float32]) -> float:
    centred = np.asarray(samples - np.mean(samples), np.float64)
    power = float(np.dot(centred, centred))
    return float(np.dot(centred[1:], centred[:-1])) / power if power else 1.0
