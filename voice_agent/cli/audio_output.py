"""Where speech goes: a file, or the loudspeaker."""

import wave
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio.encode import Encoding, open_encoder
from voice_agent.audio.pcm import float_to_int16
from voice_agent.errors import SettingsError

ENCODINGS: dict[str, Encoding] = {".mp3": "mp3", ".ogg": "opus", ".opus": "opus"}


class AudioOutput(Protocol):
    """Takes speech as it is made."""

    def write(self, samples: NDArray[np.float32]) -> None:
        """Takes a piece; waits for the loudspeaker, if it is one."""
        ...

    def close(self) -> None:
        """Ends what was written."""
        ...


class WavFile:
    """16 bit, mono."""

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._raw = path.open("wb")
        self._file = wave.open(self._raw, "wb")  # noqa: SIM115  closed by `close`
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(rate_hz)

    def write(self, samples: NDArray[np.float32]) -> None:
        """Appends."""
        self._file.writeframes(float_to_int16(samples).astype("<i2").tobytes())

    def close(self) -> None:
        """Writes the length into the header."""
        self._file.close()
        self._raw.close()


class EncodedFile:
    """MP3 or Ogg/Opus: one stream, however many pieces there are."""

    def __init__(self, path: Path, rate_hz: int, encoding: Encoding) -> None:
        self._encoder = open_encoder(encoding, rate_hz, rate_hz)
        self._file = path.open("wb")

    def write(self, samples: NDArray[np.float32]) -> None:
        """Appends."""
        self._file.write(self._encoder.encode(samples))

    def close(self) -> None:
        """Writes what the encoder held back."""
        self._file.write(self._encoder.finish())
        self._file.close()


def check_name(path: Path) -> None:
    """Refuses a name whose ending says no format.

    Raises:
        SettingsError: It does not end in one of the known ways.
    """
    if path.suffix.lower() != ".wav" and path.suffix.lower() not in ENCODINGS:
        raise SettingsError(f"{path}: the name has to end in .wav, .mp3, .ogg or .opus")


def open_file(path: Path, rate_hz: int) -> AudioOutput:
    """A file in the format that its name says. Raises as `check_name`, and OSError."""
    check_name(path)
    encoding = ENCODINGS.get(path.suffix.lower())
    if encoding is None:
        return WavFile(path, rate_hz)
    return EncodedFile(path, rate_hz, encoding)
