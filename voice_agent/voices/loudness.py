"""How loud speech is, as listeners judge it: ITU-R BS.1770-4, and EBU R 128's level.

Pauses do not count: blocks of 400 ms that are 10 LU below the average are left out, so
that a slow speaker is not made louder than a fast one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voice_agent.engines.base import Samples

TARGET_LUFS = -23.0
"""Programme loudness of EBU R 128; speech at it rarely reaches full scale."""

_PEAK = 10 ** (-1 / 20)  # R 128 allows -1 dBTP; louder peaks lower the whole clip
_BLOCK_S, _STEP_S = 0.4, 0.1
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LU = -0.691  # a full-scale sine of 997 Hz is at -3.01

# The two filters of BS.1770-4 as analog prototypes, for rates other than 48 kHz (Brecht
# De Man, "Evaluation of implementations of the EBU R128 loudness measurement", 2018).
_SHELF_HZ, _SHELF_Q, _SHELF_DB = 1681.974450955533, 0.7071752369554196, 3.999843853973347
_SHELF_SLOPE = 0.4996667741545416
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773

_Spectrum = NDArray[np.complex128]


def loudness_lufs(samples: Samples, sample_rate_hz: int) -> float:
    """Integrated loudness of a mono clip; -inf if all of it is silent or it is under 0.4 s."""
    power = _block_powers(_weighted(samples, sample_rate_hz), sample_rate_hz)
    power = power[power > _power(_ABSOLUTE_GATE_LUFS)]
    if not len(power):
        return -math.inf
    gate = float(power.mean()) * 10 ** (_RELATIVE_GATE_LU / 10)
    return _OFFSET_LU + 10 * math.log10(float(power[power > gate].mean()))


def at_target(samples: Samples, sample_rate_hz: int) -> Samples:
    """The clip at `TARGET_LUFS`, or as near to it as its peaks allow. It must not be silent."""
    gain = 10 ** ((TARGET_LUFS - loudness_lufs(samples, sample_rate_hz)) / 20)
    peak = float(np.abs(samples).max())
    return samples * np.float32(min(gain, _PEAK / peak))


def _power(lufs: float) -> float:
    return 10 ** ((lufs - _OFFSET_LU) / 10)


def _block_powers(samples: NDArray[np.float64], sample_rate_hz: int) -> NDArray[np.float64]:
    block, step = round(_BLOCK_S * sample_rate_hz), round(_STEP_S * sample_rate_hz)
    sums = np.concatenate(([0.0], np.cumsum(samples**2)))
    starts = np.arange(0, len(samples) - block + 1, step)
    return (sums[starts + block] - sums[starts]) / block


def _weighted(samples: Samples, sample_rate_hz: int) -> NDArray[np.float64]:
    """The clip as the ear weighs it: filtered by its spectrum, which needs no loop."""
    room = sample_rate_hz // 2  # the filters ring for less; they must not wrap around
    n_points = 1 << (len(samples) + room - 1).bit_length()
    turns = np.exp(-2j * np.pi * np.arange(n_points // 2 + 1) / n_points)
    spectrum = np.fft.rfft(samples, n_points) * _shelf(turns, sample_rate_hz)
    spectrum *= _high_pass(turns, sample_rate_hz)
    return np.fft.irfft(spectrum, n_points)[: len(samples)]


def _shelf(z: _Spectrum, sample_rate_hz: int) -> _Spectrum:
    k = math.tan(math.pi * _SHELF_HZ / sample_rate_hz)
    high = 10 ** (_SHELF_DB / 20)
    middle = high**_SHELF_SLOPE * k / _SHELF_Q
    above = (high + middle + k * k) + 2 * (k * k - high) * z + (high - middle + k * k) * z * z
    return above / _denominator(z, k, _SHELF_Q)


def _high_pass(z: _Spectrum, sample_rate_hz: int) -> _Spectrum:
    k = math.tan(math.pi * _HIGH_PASS_HZ / sample_rate_hz)
    # the standard leaves its numerator at 1, -2, 1
    return (1 - z) ** 2 * (1 + k / _HIGH_PASS_Q + k * k) / _denominator(z, k, _HIGH_PASS_Q)


def _denominator(z: _Spectrum, k: float, q: float) -> _Spectrum:
    return (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z * z
