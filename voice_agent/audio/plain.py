"""Audio that is decoded where it stands, without FFmpeg: raw samples and WAV."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio import pcm
from voice_agent.audio.decode import RATE_HZ, Decoded
from voice_agent.audio.pcm import SampleFormat
from voice_agent.audio.resample import Resampler
from voice_agent.audio.riff import WavParser
from voice_agent.errors import BadAudio


class RawDecoder:
    """Raw interleaved samples becoming int16 mono."""

    finished: Final = False

    def __init__(
        self, sample_format: SampleFormat, *, rate_hz: int, channels: int, to_hz: int = RATE_HZ
    ) -> None:
        self.sample_format = sample_format
        self._channels = channels
        self._resampler = Resampler(rate_hz, to_hz)
        self._as_it_is = (sample_format, rate_hz, channels) == (SampleFormat.S16, to_hz, 1)

    def check(self, frame: bytes) -> None:
        """Refuses a frame as a whole, before any of it is used.

        Raises:
            BadAudio: Not a whole number of samples, or floats that are no audio.
        """
        whole = self.sample_format.n_bytes * self._channels
        if len(frame) % whole:
            raise BadAudio(
                f"{len(frame)} bytes are not a whole number of {self.sample_format} samples "
                f"of {self._channels} channel(s)"
            )
        if self.sample_format is SampleFormat.F32:
            pcm.check_floats(np.frombuffer(frame, "<f4"))

    def decode(self, data: bytes) -> NDArray[np.int16]:
        """All samples that are certain now.

        Args:
            data: Whole samples of all channels.

        Raises:
            BadAudio: Floats that are no audio.
        """
        if self._as_it_is:
            return np.frombuffer(data, "<i2").astype(np.int16)
        units = pcm.decode_units(data, self.sample_format, self._channels)
        return pcm.units_to_int16(self._resampler.push(units))

    async def push(self, data: bytes) -> Decoded:
        """As `decode`; `data` has passed `check`."""
        return self.decode(data), None

    def drain(self) -> NDArray[np.int16]:
        """What the resampler holds; the stream goes on."""
        return pcm.units_to_int16(self._resampler.drain())

    async def end(self) -> Decoded:
        """The tail; the next sample begins a new stream."""
        tail = self.drain()
        self._resampler.reset()
        return tail, None

    async def abort(self) -> None:
        """Nothing to end."""


class WavDecoder:
    """A WAV stream becoming int16 mono."""

    finished: Final = False

    def __init__(self, *, to_hz: int = RATE_HZ) -> None:
        self._to_hz = to_hz
        self._parser = WavParser()
        self._samples: RawDecoder | None = None

    async def push(self, data: bytes) -> Decoded:
        """Takes the next bytes; an error ends the stream."""
        try:
            raw = self._parser.push(data)
            if not raw:
                return pcm.silence(0), None
            if self._samples is None:
                self._samples = RawDecoder(
                    self._parser.sample_format,
                    rate_hz=self._parser.rate_hz,
                    channels=self._parser.channels,
                    to_hz=self._to_hz,
                )
            return self._samples.decode(raw), None
        except BadAudio as error:
            return pcm.silence(0), error

    def drain(self) -> NDArray[np.int16]:
        """What the resampler holds; the stream goes on."""
        return self._samples.drain() if self._samples else pcm.silence(0)

    async def end(self) -> Decoded:
        """The tail, and `BadAudio` if the header promised more."""
        missing = self._parser.missing_bytes
        if not self._parser.has_format:
            return pcm.silence(0), BadAudio("this wav stream ends before its first sample")
        error = BadAudio(f"the WAV ends {missing} bytes early") if missing else None
        return self.drain(), error

    async def abort(self) -> None:
        """Nothing to end."""
