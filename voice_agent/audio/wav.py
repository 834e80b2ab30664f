"""A WAV stream becoming samples: its own ones here, compressed ones by FFmpeg."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio import pcm
from voice_agent.audio.decode import RATE_HZ, ContainerDecoder, Decoded
from voice_agent.audio.magic import Kind
from voice_agent.audio.raw_wav import RawWavDecoder
from voice_agent.audio.riff import WavParser
from voice_agent.errors import BadAudio, VoiceAgentError


class WavDecoder:
    """A WAV stream becoming int16 mono.

    Args:
        open_container: Makes the decoder for what is compressed (ADPCM, GSM, MP3).
        to_hz: Rate of what comes out.
    """

    def __init__(
        self, open_container: Callable[[Kind], ContainerDecoder], *, to_hz: int = RATE_HZ
    ) -> None:
        self._to_hz = to_hz
        self._open_container = open_container
        self._parser = WavParser()
        self._samples: RawWavDecoder | ContainerDecoder | None = None

    @property
    def finished(self) -> bool:
        """It is over; more bytes change nothing."""
        return self._samples is not None and self._samples.finished

    async def push(self, data: bytes) -> Decoded:
        """Takes the next bytes; an error ends the stream."""
        if isinstance(self._samples, ContainerDecoder):
            return await self._samples.push(data)
        try:
            raw = self._parser.push(data)
            if self._parser.compressed:
                return await self._decompress().push(self._parser.unread())
            if not raw:
                return pcm.silence(0), None
            if self._samples is None:
                self._samples = RawWavDecoder(
                    self._parser.sample_format,
                    rate_hz=self._parser.rate_hz,
                    channels=self._parser.channels,
                    to_hz=self._to_hz,
                )
            return self._samples.decode(raw), None
        except BadAudio as error:
            return pcm.silence(0), error

    def _decompress(self) -> ContainerDecoder:
        self._samples = decoder = self._open_container(Kind.WAV)
        return decoder

    def drain(self) -> NDArray[np.int16]:
        """What the resampler holds; the stream goes on."""
        return self._samples.drain() if self._samples else pcm.silence(0)

    async def end(self) -> Decoded:
        """The tail, and `BadAudio` if the header promised more."""
        if isinstance(self._samples, ContainerDecoder):
            return await self._samples.end()
        missing = self._parser.missing_bytes
        if not self._parser.has_format:
            return pcm.silence(0), BadAudio("this wav stream ends before its first sample")
        error: VoiceAgentError | None = None
        if missing:
            error = BadAudio(f"the WAV ends {missing} bytes early")
        return self.drain(), error

    async def abort(self) -> None:
        """Ends the decoder, if there is one with a thread."""
        if isinstance(self._samples, ContainerDecoder):
            await self._samples.abort()
