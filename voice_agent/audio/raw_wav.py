"""Raw samples, decoded where they stand, without FFmpeg."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio import pcm
from voice_agent.audio.decode import RATE_HZ, Decoded
from voice_agent.audio.pcm import SampleFormat
from voice_agent.audio.resample import Resampler
from voice_agent.errors import BadAudio


class RawWavDecoder:
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
