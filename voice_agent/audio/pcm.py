"""Samples as numbers: int16 and float32, many channels and one.

Scale, both ways and everywhere in this product: ``float = int16 / 32768`` and
``int16 = round(float * 32768)`` clipped to [-32768, 32767]. Every int16 comes back
unchanged; full scale +1.0 becomes 32767.

"Units" below means float32 in int16's scale (±32768): what is decoded stays so until it
has been mixed and resampled, and is then rounded once.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio.g711 import alaw_decode, mulaw_decode
from voice_agent.errors import BadAudio

SCALE = 32_768.0
"""int16 units in full scale 1.0."""

INSANE_PEAK = 100.0
"""A float sample beyond this (+40 dB over full scale) is not audio but other bytes."""


class SampleFormat(StrEnum):
    """How a raw sample is stored; all little-endian."""

    U8 = "pcm_u8"
    S16 = "pcm_s16le"
    S24 = "pcm_s24le"
    S32 = "pcm_s32le"
    F32 = "pcm_f32le"
    F64 = "pcm_f64le"
    MULAW = "mulaw"
    ALAW = "alaw"

    @property
    def n_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return _N_BYTES[self]


_N_BYTES = {
    SampleFormat.U8: 1,
    SampleFormat.S16: 2,
    SampleFormat.S24: 3,
    SampleFormat.S32: 4,
    SampleFormat.F32: 4,
    SampleFormat.F64: 8,
    SampleFormat.MULAW: 1,
    SampleFormat.ALAW: 1,
}


def silence(n_samples: int) -> NDArray[np.int16]:
    """`n_samples` of digital zero."""
    return np.zeros(n_samples, np.int16)


def int16_to_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """x / 32768."""
    return samples.astype(np.float32) / np.float32(SCALE)


def mono(pcm: bytes, channels: int) -> NDArray[np.float32]:
    """Interleaved int16 as floats; channels are averaged.

    Raises:
        ValueError: It is no whole number of samples of all channels.
    """
    return mix_down(int16_to_float(np.frombuffer(pcm, np.int16)).reshape(-1, channels), axis=1)


def float_to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """round(x * 32768), clipped; the samples must be finite."""
    return units_to_int16(samples * np.float32(SCALE))


def units_to_int16(units: NDArray[np.float32]) -> NDArray[np.int16]:
    """Rounds and clips."""
    return np.clip(np.rint(units), -SCALE, SCALE - 1).astype(np.int16)


def decode_units(data: bytes, sample_format: SampleFormat, channels: int) -> NDArray[np.float32]:
    """Raw interleaved bytes as mono units; channels are averaged.

    Args:
        data: A whole number of samples of all channels.
        sample_format: How they are stored.
        channels: How many are interleaved.

    Raises:
        BadAudio: A float is NaN, infinite or beyond ±100.
    """
    match sample_format:
        case SampleFormat.S24:
            flat = _int24(data).astype(np.float32) / np.float32(256)
        case SampleFormat.MULAW:
            flat = mulaw_decode(data).astype(np.float32)
        case SampleFormat.ALAW:
            flat = alaw_decode(data).astype(np.float32)
        case _:
            flat = to_units(np.frombuffer(data, _DTYPES[sample_format]))
    return mix_down(flat.reshape(-1, channels), axis=1)


_DTYPES = {
    SampleFormat.U8: np.dtype("u1"),
    SampleFormat.S16: np.dtype("<i2"),
    SampleFormat.S32: np.dtype("<i4"),
    SampleFormat.F32: np.dtype("<f4"),
    SampleFormat.F64: np.dtype("<f8"),
}


def to_units(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    """Unsigned 8 bit, signed 16 or 32 bit or floats (clipped to ±1) as units.

    Raises:
        BadAudio: A float is NaN, infinite or beyond ±100.
    """
    if samples.dtype.kind == "f":
        check_floats(samples)
        return np.clip(samples.astype(np.float32) * np.float32(SCALE), -SCALE, SCALE)
    match samples.dtype.itemsize:
        case 1:
            return (samples.astype(np.float32) - np.float32(128)) * np.float32(256)
        case 2:
            return samples.astype(np.float32)
        case _:
            return samples.astype(np.float32) / np.float32(65_536)


def check_floats(samples: NDArray[np.generic]) -> None:
    """Refuses floats that are no audio.

    Raises:
        BadAudio: One is NaN, infinite or beyond ±100.
    """
    with np.errstate(invalid="ignore"):
        loud = np.abs(samples.astype(np.float64))
        sane = not loud.size or loud.max() <= INSANE_PEAK  # false for NaN too
    if not sane:
        raise BadAudio("float samples must be finite and within full scale")


def mix_down(units: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    """The average of the channels, which lie along `axis`."""
    if units.shape[axis] == 1:
        return units.reshape(-1)
    return units.mean(axis=axis, dtype=np.float32)


def _int24(data: bytes) -> NDArray[np.int32]:
    packed = np.frombuffer(data, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(packed), 4), np.uint8)
    wide[:, 1:] = packed
    return wide.view("<i4").reshape(-1).astype(np.int32) >> 8
