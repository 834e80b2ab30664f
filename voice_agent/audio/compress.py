"""MP3 and Ogg/Opus streams that grow chunk by chunk, through FFmpeg's libraries."""

from fractions import Fraction
from typing import Protocol, cast

import av
import numpy as np
from numpy.typing import NDArray

MP3_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)

_MP3_BITS_PER_SECOND_PER_HZ = 2  # 48 kbit/s at 24 kHz: speech without audible loss
_MP3_MIN_BITS_PER_SECOND = 24_000
_OPUS_BITS_PER_SECOND = 32_000  # full-band speech, by Opus's own recommendation
_OGG_PAGE_US = 60_000  # what waits for a full page comes a chunk later; a page costs 28 bytes


class _Stream(Protocol):
    """What we use of PyAV's, whose own types are incomplete."""

    bit_rate: int

    def encode(self, frame: av.AudioFrame | None) -> list[object]: ...


class _Container(Protocol):
    def add_stream(self, codec_name: str, *, rate: int, layout: str) -> _Stream: ...

    def mux(self, packets: list[object]) -> None: ...

    def close(self) -> None: ...


class _Tape:
    """Where FFmpeg writes; it cannot seek, so nothing is ever rewritten."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


class _Packer:
    """One stream in one container.

    Nothing is opened before the first sample, so an unused packer costs nothing and a
    stream without samples has no bytes.
    """

    media_type = ""

    def __init__(
        self, rate_hz: int, *, container: str, codec: str, bits_per_second: int, layout: str
    ) -> None:
        self._rate_hz = rate_hz
        self._container_name = container
        self._codec = codec
        self._bits_per_second = bits_per_second
        self._layout = layout
        self._tape = _Tape()
        self._stream: _Stream | None = None
        self._n_samples = 0

    def pack(self, samples: NDArray[np.float32]) -> bytes:
        """Bytes of the frames that are full now."""
        if not len(samples):
            return b""
        stream = self._stream or self._open()
        # the encoders take more than full scale and distort it; we clip, as for integers
        planar = np.clip(samples, -1, 1, dtype=np.float32)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=self._layout)
        frame.sample_rate = self._rate_hz
        frame.time_base = Fraction(1, self._rate_hz)
        frame.pts = self._n_samples
        self._n_samples += len(samples)
        self._container.mux(stream.encode(frame))
        return self._tape.take()

    def finish(self) -> bytes:
        """The last frames and the end of the container."""
        if self._stream is None:
            return b""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._tape.take()

    def _open(self) -> _Stream:
        mp3 = self._container_name == "mp3"
        container = av.open(
            self._tape,
            "w",
            format=self._container_name,
            # no header that would be filled in at the end, and when an Ogg page is full
            options={"write_xing": "0", "id3v2_version": "0"}
            if mp3
            else {"page_duration": str(_OGG_PAGE_US)},
        )
        self._container = cast(_Container, container)
        self._stream = self._container.add_stream(
            self._codec, rate=self._rate_hz, layout=self._layout
        )
        self._stream.bit_rate = self._bits_per_second
        return self._stream


class Mp3Packer(_Packer):
    """MP3 frames without a header or tags, at one of `MP3_RATES_HZ`."""

    media_type = "audio/mpeg"

    def __init__(self, rate_hz: int) -> None:
        super().__init__(
            rate_hz,
            container="mp3",
            codec="libmp3lame",
            bits_per_second=max(_MP3_MIN_BITS_PER_SECOND, _MP3_BITS_PER_SECOND_PER_HZ * rate_hz),
            layout="mono",
        )


class OpusPacker(_Packer):
    """Ogg/Opus at one of `OPUS_RATES_HZ` (readers hear 48 kHz whatever it is)."""

    media_type = "audio/ogg;codecs=opus"

    def __init__(self, rate_hz: int) -> None:
        super().__init__(
            rate_hz,
            container="ogg",
            codec="libopus",
            bits_per_second=_OPUS_BITS_PER_SECOND,
            layout="mono",
        )
