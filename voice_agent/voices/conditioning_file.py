"""Conditioning as bytes: safetensors, which holds arrays and nothing that could run."""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from voice_agent.engines.base import Conditioning
from voice_agent.errors import BadAudio, TooLarge

MAX_CONDITIONING_BYTES = 64 << 20
"""Of one voice. Chatterbox needs 0.2 MB, with a prefix cache 37."""

_MAX_ARRAYS = 256
_DTYPES = frozenset({"?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d"})
_FORMAT = "voice-agent-1"


def frozen(conditioning: Conditioning) -> Conditioning:
    """The same arrays, read-only and contiguous: sessions share them.

    Raises:
        TooLarge: They have more than `MAX_CONDITIONING_BYTES`, or are too many.
        TypeError: One is of a kind that cannot be kept; a mistake in an engine.
    """
    n_bytes = sum(array.nbytes for array in conditioning.values())
    if n_bytes > MAX_CONDITIONING_BYTES or len(conditioning) > _MAX_ARRAYS:
        raise TooLarge(f"a voice may need {MAX_CONDITIONING_BYTES} bytes, not {n_bytes}")
    return {name: _frozen(name, array) for name, array in conditioning.items()}


def to_bytes(conditioning: Conditioning, *, family: str, checkpoint: str) -> bytes:
    """The conditioning as a file that says which model it is for."""
    labels = {"format": _FORMAT, "family": family, "checkpoint": checkpoint}
    return save(dict(conditioning), labels)


def from_bytes(data: bytes, *, family: str, checkpoint: str) -> Conditioning:
    """What `to_bytes` was given.

    Raises:
        BadAudio: It is damaged, or for another model: make it anew from the clip.
    """
    wanted = {"format": _FORMAT, "family": family, "checkpoint": checkpoint}
    try:
        arrays = load(data)
    except (SafetensorError, ValueError) as error:
        raise BadAudio("the conditioning is damaged") from error
    if _labels(data) != wanted:
        raise BadAudio("the conditioning is for another model")
    return {name: _frozen(name, array) for name, array in arrays.items()}


def n_bytes_of(conditioning: Conditioning) -> int:
    """Memory that it takes."""
    return sum(array.nbytes for array in conditioning.values())


def _labels(data: bytes) -> Mapping[str, Any]:
    """The metadata of a file that was read: 8 bytes of length, then JSON."""
    (n_bytes,) = struct.unpack_from("<Q", data)
    header: dict[str, Any] = json.loads(data[8 : 8 + n_bytes])
    return header.get("__metadata__", {})


def _frozen(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.char not in _DTYPES:
        raise TypeError(f"{name}: {array.dtype} cannot be kept")
    # what nobody can write to any more need not be copied
    array = np.asarray(array)  # it may be a scalar
    if array.flags.c_contiguous and not array.flags.writeable:
        return array
    own = np.array(array, order="C")
    own.flags.writeable = False
    return own
