"""WAV, read as it arrives.

Parsed here and not by FFmpeg because FFmpeg wants 64 KiB of PCM before it gives the
first sample (it looks for S/PDIF): two seconds of a live 16 kHz stream.
"""

import struct

from voice_agent.audio.pcm import SampleFormat
from voice_agent.errors import BadAudio, UnsupportedFormat

MAX_CHANNELS = 8
RATES_HZ = range(4_000, 192_001)
_UNKNOWN_BYTES = 0x7FFF_FF00
"""Sizes from here up are what streams write that do not know their length; so is 0."""
_MAX_FMT_BYTES = 4_096

_FORMATS = {
    (1, 8): SampleFormat.U8,
    (1, 16): SampleFormat.S16,
    (1, 24): SampleFormat.S24,
    (1, 32): SampleFormat.S32,
    (3, 32): SampleFormat.F32,
    (3, 64): SampleFormat.F64,
    (6, 8): SampleFormat.ALAW,
    (7, 8): SampleFormat.MULAW,
}
_EXTENSIBLE = 0xFFFE

_COMPRESSED = {0x02: "ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM", 0x50: "MPEG", 0x55: "MP3"}
"""Codecs that FFmpeg decodes; the rest is never meant as speech."""


class WavParser:
    """Finds the samples in a WAV stream that comes in pieces of any size.

    `sample_format`, `channels` and `rate_hz` hold for what `push` has returned. Several
    files one after another are read as one stream if they are alike.

    Where the format is a compressed one, `compressed` says so from then on, and `push` returns
    nothing: `unread` has what a decoder needs.
    """

    def __init__(self) -> None:
        self.sample_format = SampleFormat.S16
        self.channels: int = 1
        self.rate_hz: int = 16_000
        self._pending = b""
        self._skip_bytes = 0
        self._data_bytes: int | None = None  # left in the data chunk
        self._endless = False
        self._padding = 0
        self.has_format = False
        self.compressed = ""

    @property
    def missing_bytes(self) -> int:
        """Bytes that the header promised and that have not come."""
        return 0 if self._endless else self._data_bytes or 0

    def unread(self) -> bytes:
        """The file as far as it is known, from its format on; once."""
        unread, self._pending = self._pending, b""
        return b"RIFF\xff\xff\xff\xffWAVE" + unread

    def push(self, data: bytes) -> bytes:
        """Takes the next bytes; returns raw samples, whole ones of all channels.

        Raises:
            BadAudio: The header makes no sense.
            UnsupportedFormat: The header announces what is not read here.
        """
        self._pending += data
        found: list[bytes] = []
        while self._step(found):
            pass
        return b"".join(found)

    def _step(self, found: list[bytes]) -> bool:
        """Does the next thing; False if it takes more bytes, or if they are not for this."""
        if self.compressed:
            return False
        if self._skip_bytes:
            n_bytes = min(self._skip_bytes, len(self._pending))
            self._skip_bytes -= n_bytes
            self._pending = self._pending[n_bytes:]
            return self._skip_bytes == 0
        if self._data_bytes is not None:
            return self._take_samples(found)
        if len(self._pending) < 8:
            return False
        return self._chunk(self._pending[:4], *struct.unpack_from("<I", self._pending, 4))

    def _take_samples(self, found: list[bytes]) -> bool:
        whole = self.sample_format.n_bytes * self.channels
        left = self._data_bytes or 0
        ends = not self._endless and left <= len(self._pending)
        n_bytes = left if ends else len(self._pending) - len(self._pending) % whole
        found.append(self._pending[: n_bytes - n_bytes % whole])
        self._pending = self._pending[n_bytes:]
        if ends:
            self._data_bytes = None
            self._skip_bytes = self._padding
        elif not self._endless:
            self._data_bytes = left - n_bytes
        return ends

    def _chunk(self, name: bytes, size: int) -> bool:
        match name:
            case b"RIFF" | b"RF64":
                return self._riff()
            case b"fmt ":
                return self._fmt(size)
            case b"data":
                self._data(size)
            case _ if name.isascii() and name.decode("ascii").isprintable():
                self._pending = self._pending[8:]
                self._skip_bytes = size + size % 2
            case _:
                raise BadAudio("the WAV header is damaged")
        return True

    def _riff(self) -> bool:
        if len(self._pending) < 12:
            return False
        if self._pending[8:12] != b"WAVE":
            raise BadAudio("the WAV header is damaged")
        self._pending = self._pending[12:]
        return True

    def _data(self, size: int) -> None:
        if not self.has_format:
            raise BadAudio("the WAV data comes before its format")
        self._pending = self._pending[8:]
        self._data_bytes, self._padding = size, size % 2
        self._endless = size == 0 or size >= _UNKNOWN_BYTES

    def _fmt(self, size: int) -> bool:
        if not 16 <= size <= _MAX_FMT_BYTES:
            raise BadAudio("the WAV header is damaged")
        if len(self._pending) < 8 + size:
            return False
        body = self._pending[8 : 8 + size]
        shape: tuple[int, ...] = struct.unpack_from("<HHIIHH", body)
        tag, channels, rate_hz, _, block_bytes, bits = shape
        if tag == _EXTENSIBLE and size >= 26:
            (tag,) = struct.unpack_from("<H", body, 24)
        check_shape(rate_hz, channels)
        if tag in _COMPRESSED and block_bytes:
            self.compressed = _COMPRESSED[tag]
            return False
        sample_format = _FORMATS.get((tag, bits))
        if sample_format is None:
            raise UnsupportedFormat(f"WAV with codec {tag} and {bits} bit is not read here")
        if block_bytes != sample_format.n_bytes * channels:
            raise BadAudio("the WAV header contradicts itself")
        new = (sample_format, channels, rate_hz)
        if self.has_format and new != (self.sample_format, self.channels, self.rate_hz):
            raise UnsupportedFormat("the WAV format changes inside the stream")
        self.sample_format, self.channels, self.rate_hz = new
        self.has_format = True
        self._pending = self._pending[8 + size :]
        self._skip_bytes = size % 2
        return True


def check_shape(rate_hz: int, channels: int) -> None:
    """Refuses what is not a plausible recording.

    Raises:
        UnsupportedFormat: A rate outside 4–192 kHz, or not 1–8 channels.
    """
    if rate_hz not in RATES_HZ or not 1 <= channels <= MAX_CHANNELS:
        raise UnsupportedFormat(f"{channels} channels at {rate_hz} Hz are not read here")
