"""Streaming resampling with a small constant delay.

A windowed-sinc polyphase filter instead of soxr, because soxr works in blocks: its
output comes in bursts. Lag between the audio put in and the audio got out, least and
most, in ms, frames of 20 ms to 16 kHz, steady state (soxr 1.0.0, one core):

======== =========== =========== =========== =========== ==========
from Hz  soxr QQ     soxr LQ     soxr MQ     soxr HQ     this
======== =========== =========== =========== =========== ==========
8000     0.2-0.3     3.8-61.3    10.3-117.5  12.5-115.0  2.5
24000    0.1         2.5-20.0    5.0-37.5    6.1-35.9    1.2
44100    0.0         1.7-21.7    5.4-40.9    6.6-39.8    1.2
48000    0.0         2.5-20.0    5.0-37.5    6.1-35.9    1.2
======== =========== =========== =========== =========== ==========

It costs 15–70 µs for 20 ms of audio (soxr: 12). soxr QQ is quick because it does not
filter: everything above 8 kHz folds back at full level. Here the response is flat to 85 %
of the lower Nyquist frequency (3.4 kHz for telephones, 6.8 kHz into 16 kHz) and 70 dB down
from 107 % on; what lies between folds only into the top 7 %, where speech has next to
nothing.
"""

from functools import lru_cache
from math import ceil, gcd, pi

import numpy as np
from numpy.typing import NDArray

_STOP_DB = 70.0
_CENTRE = 0.9625
"""Half-level frequency and (below) width of the slope, in lower Nyquist frequencies."""
_SLOPE = 0.225
_MAX_PHASES = 640
"""Sub-sample positions in a table. Enough for every rate in use (44,100 and 11,025 Hz
to 16,000 need 160 and 640); odd rates take the nearest, an error below -58 dB."""
_FEW_PHASES = 4
"""Up to here (8, 24, 32, 48, 96 kHz …) each phase is filtered in place, without a copy of
every window: 3 times faster."""
_BLOCK = 2_048
"""Outputs computed at once: bounds the scratch memory to a megabyte or two."""


class Resampler:
    """Turns one mono stream of float32 samples into another rate.

    Output `m` stands for the time ``m / to_hz``: there is no delay to correct, what is
    still missing is only held back. For n samples in, exactly ``ceil(n * to / from)``
    come out, counting `drain`. How the input is cut does not matter.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        common = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        self._identity = from_hz == to_hz
        self._kernels = _kernels(self._up, self._down, from_hz, to_hz)
        self._half = self._kernels.shape[1] // 2
        self.lag_s = 0.0 if self._identity else self._half / from_hz
        self.reset()

    def reset(self) -> None:
        """Forgets everything: the next sample is the first of a new stream."""
        self._n_in = 0
        self._n_out = 0
        self._kept: NDArray[np.float32] = np.zeros(self._half - 1, np.float32)
        self._kept_from = 1 - self._half

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Takes the next samples; returns all that is certain now."""
        if self._identity:
            return samples
        self._n_in += len(samples)
        self._kept = np.concatenate((self._kept, samples))
        last = self._n_in - 1 - self._half  # the last input position with a full window
        out = self._outputs((last * self._up + self._up - 1) // self._down + 1)
        # A drain may have run ahead; the next window then starts past what came in.
        start = min(self._n_out * self._down // self._up - self._half + 1, self._n_in)
        self._kept = self._kept[start - self._kept_from :]
        self._kept_from = start
        return out

    def drain(self) -> NDArray[np.float32]:
        """The outputs still due for what came in, as if silence followed.

        The stream goes on: the next `push` continues at the right position, and nothing
        comes twice.
        """
        if self._identity:
            return np.zeros(0, np.float32)
        kept = self._kept
        self._kept = np.concatenate((kept, np.zeros(self._half, np.float32)))
        out = self._outputs(ceil(self._n_in * self._up / self._down))
        self._kept = kept
        return out

    def _outputs(self, until: int) -> NDArray[np.float32]:
        out = np.zeros(max(until - self._n_out, 0), np.float32)
        if not len(out):
            return out
        taps = self._kernels.shape[1]
        # Row i is the window that begins at kept sample i. Made by hand: numpy's own view
        # functions take longer than the filter itself.
        windows = np.ndarray(
            (len(self._kept) - taps + 1, taps), np.float32, self._kept, strides=(4, 4)
        )
        first_window = self._half - 1 + self._kept_from
        if self._up <= _FEW_PHASES:
            for offset in range(min(self._up, len(out))):
                whole, phase = divmod((self._n_out + offset) * self._down, self._up)
                mine = out[offset :: self._up]
                rows = windows[whole - first_window :: self._down][: len(mine)]
                np.einsum("ij,j->i", rows, self._kernels[phase], out=mine)
        else:
            phases = len(self._kernels) - 1
            for start in range(0, len(out), _BLOCK):
                part = out[start : start + _BLOCK]
                at = np.arange(self._n_out + start, self._n_out + start + len(part)) * self._down
                whole, rest = np.divmod(at, self._up)
                kernels = self._kernels[(rest * phases + self._up // 2) // self._up]
                np.einsum("ij,ij->i", windows[whole - first_window], kernels, out=part)
        self._n_out += len(out)
        return out


@lru_cache(maxsize=16)
def _kernels(up: int, down: int, from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """One row of taps for each sub-sample position 0 … 1, both ends included."""
    nyquist_hz = min(from_hz, to_hz) / 2
    slope = 2 * pi * _SLOPE * nyquist_hz / from_hz
    half = ceil(((_STOP_DB - 8) / (2.285 * slope)) / 2)  # Kaiser's estimate
    beta = 0.1102 * (_STOP_DB - 8.7)
    phases = min(up, _MAX_PHASES)
    away = np.arange(1 - half, half + 1)[None, :] - np.arange(phases + 1)[:, None] / phases
    window = np.i0(beta * np.sqrt(np.maximum(1 - (away / half) ** 2, 0)))
    rows = np.sinc(2 * _CENTRE * nyquist_hz / from_hz * away) * window
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
