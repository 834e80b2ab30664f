"""A WAV file that can be read at any time, also after its writer was killed."""

import os
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voice_agent.errors import TooLarge

# lengths in the header have 32 bits
_MAX_BYTES = (1 << 32) - (1 << 20)
_FRAME_BYTES = 4


class StereoFile:
    """16 bit, two channels; readable by its owner only.

    Nothing is held back: after every `write` the header says how much there is.

    Args:
        path: Must not exist.
        rate_hz: Of the samples.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path, rate_hz: int) -> None:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # without a buffer: the header has to follow the samples, not some of them
        self._raw = os.fdopen(made, "wb", buffering=0)
        self._wav = wave.open(self._raw, "wb")  # noqa: SIM115  closed by `close`
        self._wav.setnchannels(2)
        self._wav.setsampwidth(2)
        self._wav.setframerate(rate_hz)
        self._n_bytes = 0

    def write(self, frames: NDArray[np.int16]) -> None:
        """Appends an array of (n, 2).

        Raises:
            OSError: The disk is full, or the like.
            TooLarge: The file has 4 GiB.
        """
        self._n_bytes += len(frames) * _FRAME_BYTES
        if self._n_bytes > _MAX_BYTES:
            raise TooLarge("a WAV file has room for 4 GiB")
        self._wav.writeframes(frames.astype("<i2").tobytes())

    def close(self) -> None:
        """Ends it; it may be called twice."""
        self._wav.close()
        self._raw.close()
