"""G.711: µ-law and A-law bytes to int16 samples and back, bit-exact.

Tables are built at the first use (65,536 entries for each direction back) and shared.
Values are those of the reference code that CPython's ``audioop`` carries.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_MULAW_BIAS = 132
"""Added to the magnitude in 16-bit units so that every segment starts at a power of two."""

_MULAW_CLIP = 32_635
"""Largest magnitude that has a code."""


def mulaw_decode(data: bytes) -> NDArray[np.int16]:
    """One int16 sample for each µ-law byte."""
    return _mulaw_to_linear()[np.frombuffer(data, np.uint8)]


def mulaw_encode(samples: NDArray[np.int16]) -> bytes:
    """One µ-law byte for each int16 sample."""
    return _linear_to_mulaw()[samples.view(np.uint16)].tobytes()


def alaw_decode(data: bytes) -> NDArray[np.int16]:
    """One int16 sample for each A-law byte."""
    return _alaw_to_linear()[np.frombuffer(data, np.uint8)]


def alaw_encode(samples: NDArray[np.int16]) -> bytes:
    """One A-law byte for each int16 sample."""
    return _linear_to_alaw()[samples.view(np.uint16)].tobytes()


@cache
def _mulaw_to_linear() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = (((step << 3) + _MULAW_BIAS) << segment) - _MULAW_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


@cache
def _linear_to_mulaw() -> NDArray[np.uint8]:
    # The reference works on 14 bits: the shift of a negative sample rounds down.
    linear = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(linear), _MULAW_CLIP >> 2) + (_MULAW_BIAS >> 2)
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 15)
    return (code ^ np.where(linear < 0, 0x7F, 0xFF)).astype(np.uint8)


@cache
def _alaw_to_linear() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = (code >> 4) & 7, code & 15
    low = (step << 4) + 8
    magnitude = np.where(segment == 0, low, (low + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


@cache
def _linear_to_alaw() -> NDArray[np.uint8]:
    # The reference works on 13 bits and mirrors negatives in one's complement.
    linear = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    magnitude = np.where(linear < 0, ~linear, linear)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 15)
    return (code ^ np.where(linear < 0, 0x55, 0xD5)).astype(np.uint8)
