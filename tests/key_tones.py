"""Which keys are heard in a sound: Goertzel's algorithm, written apart from what makes them."""

import math

import numpy as np
from numpy.typing import NDArray

_TABLE = {
    (697, 1209): "1", (697, 1336): "2", (697, 1477): "3", (697, 1633): "A",
    (770, 1209): "4", (770, 1336): "5", (770, 1477): "6", (770, 1633): "B",
    (852, 1209): "7", (852, 1336): "8", (852, 1477): "9", (852, 1633): "C",
    (941, 1209): "*", (941, 1336): "0", (941, 1477): "#", (941, 1633): "D",
}  # fmt: skip
_LOW = (697, 770, 852, 941)
_HIGH = (1209, 1336, 1477, 1633)
_BLOCK_S = 0.0255  # 204 samples of 8 kHz: bins of 39 Hz, narrower than the tones are apart
_STEP_S = 0.01
# of a block's energy; two pure tones have all of it
_PURE = 0.8
_LOUD = 0.01
# Q.24: as long as this is a key, and as long as this between two of the same is two
_LEAST_TONE_S = 0.04
_LEAST_GAP_S = 0.04


def keys_in(samples: NDArray[np.float32], rate_hz: int) -> str:
    """The keys in their order."""
    size, step = round(_BLOCK_S * rate_hz), round(_STEP_S * rate_hz)
    heard = [_key(samples[at : at + size], rate_hz) for at in range(0, len(samples) - size, step)]
    found, last, n_same, n_gap = "", "", 0, math.inf
    for key in heard:
        if not key:
            n_gap += 1
            continue
        if key != last or n_gap * _STEP_S >= _LEAST_GAP_S:
            n_same = 0
        last, n_gap, n_same = key, 0, n_same + 1
        # blocks overlap: a tone of 40 ms has at least this many
        if n_same == math.ceil((_LEAST_TONE_S - _BLOCK_S) / _STEP_S):
            found += key
    return found


def _key(block: NDArray[np.float32], rate_hz: int) -> str:
    energy = float(np.mean(np.square(block)))
    if energy < _LOUD**2:
        return ""
    low = max(_LOW, key=lambda hz: _power(block, hz, rate_hz))
    high = max(_HIGH, key=lambda hz: _power(block, hz, rate_hz))
    pair = _power(block, low, rate_hz) + _power(block, high, rate_hz)
    return _TABLE[low, high] if pair > _PURE * energy else ""


def _power(block: NDArray[np.float32], hz: int, rate_hz: int) -> float:
    """Mean power of one frequency."""
    factor = 2 * math.cos(2 * math.pi * hz / rate_hz)
    before = now = 0.0
    for sample in block.tolist():
        before, now = now, sample + factor * now - before
    squared = before * before + now * now - factor * before * now
    return 2 * squared / len(block) ** 2
