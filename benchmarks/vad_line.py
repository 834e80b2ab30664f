"""A telephone line for measurements: level, band, µ-law and the noise of the line."""

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio.g711 import mulaw_decode, mulaw_encode
from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

_HZ = ASR_SAMPLE_RATE_HZ
_LINE_HZ = 8_000
# -65 dBFS before the band: a quiet room and a handset
_LINE_NOISE = 0.00052
# 10 ms under this part of the loudest 10 ms is not speech
_SPEECH_ABOVE = 0.02


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(int(seconds * _HZ), np.float32)


def trimmed(samples: Samples) -> Samples:
    """Without the silence around it."""
    step = _HZ // 100
    blocks = samples[: len(samples) // step * step].reshape(-1, step)
    level = np.sqrt(np.mean(np.square(blocks), axis=1))
    loud = np.flatnonzero(level > max(_SPEECH_ABOVE * level.max(), _LINE_NOISE))
    return samples[loud[0] * step : (loud[-1] + 1) * step]


def at_level(samples: Samples, level_db: float) -> Samples:
    """Scaled to a level in dBFS (root mean square)."""
    now = float(np.sqrt(np.mean(np.square(samples))))
    return (samples * (10 ** (level_db / 20) / now)).astype(np.float32)


def over_line(samples: Samples, rng: np.random.Generator) -> Samples:
    """300-3,400 Hz, 8 kHz µ-law and back, with the line's noise."""
    noisy = samples + rng.normal(0, _LINE_NOISE, len(samples))
    frequencies_hz = np.fft.rfftfreq(len(noisy), 1 / _HZ).astype(np.float64)
    pass_band = _slope(frequencies_hz - 300, 15) * _slope(3_400 - frequencies_hz, 40)
    banded = np.fft.irfft(np.fft.rfft(noisy) * pass_band, len(noisy)).astype(np.float32)
    sent = mulaw_encode(float_to_int16(np.clip(_resampled(banded, _HZ, _LINE_HZ), -1, 1)))
    heard = _resampled(int16_to_float(mulaw_decode(sent)), _LINE_HZ, _HZ)
    return int16_to_float(float_to_int16(np.clip(heard, -1, 1)))


def _slope(distance_hz: NDArray[np.float64], width_hz: float) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(np.clip(-distance_hz / width_hz, -50, 50)))


def _resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate([resampler.push(samples), resampler.drain()])
