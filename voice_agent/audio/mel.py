"""Log-mel features as Whisper's feature extractor makes them.

Algorithm: Radford et al. 2022 (Whisper), section 2.2, in the form of its published
extractor: frames of 400 samples every 160, Hann window, 80 triangular mel filters
(Slaney's scale and area normalisation), log10 floored 8 below its maximum, scaled.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

N_MELS = 80
_SAMPLE_RATE_HZ = 16_000
_FRAME_SAMPLES = 400
_HOP_SAMPLES = 160


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of a whole clip.

    Args:
        samples: float32 mono 16 kHz.

    Returns:
        float32 [80, len(samples) // 160], about -1 to 1.
    """
    padded = np.pad(samples, _FRAME_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME_SAMPLES)[::_HOP_SAMPLES]
    # the frame centred after the last sample is left out, as the reference does
    spectrum = np.fft.rfft(frames[:-1] * _window(), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    logs = np.log10(np.maximum(power @ _filters(), 1e-10)).T
    logs = np.maximum(logs, logs.max() - 8.0)
    return ((logs + 4.0) / 4.0).astype(np.float32)


def normalise(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zero mean and unit variance, as the extractor's ``do_normalize`` gives."""
    return (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)


@cache
def _window() -> NDArray[np.float64]:
    return np.hanning(_FRAME_SAMPLES + 1)[:-1]


@cache
def _filters() -> NDArray[np.float64]:
    """Mel filter bank [201 frequency bins, 80]."""
    bins_hz: NDArray[np.float64] = np.linspace(0, _SAMPLE_RATE_HZ / 2, _FRAME_SAMPLES // 2 + 1)
    top_mel = 15 + np.log(_SAMPLE_RATE_HZ / 2 / 1000) * 27 / np.log(6.4)
    mels: NDArray[np.float64] = np.linspace(0, float(top_mel), N_MELS + 2)
    # Slaney: linear below 1 kHz (15 mel), logarithmic above
    edges_hz = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    left, centre, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - left) / (centre - left)
    falling = (right - bins_hz[:, None]) / (right - centre)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (right - left)
