"""Speech as bytes: raw samples, WAV, MP3 or Ogg/Opus, at the rate that was asked for.

All chunks of one encoder, joined in order, are one playable stream; every chunk goes on
where the last one stopped, and none is ever rewritten.

======== ============================== ====================================
encoding bytes                          rates
======== ============================== ====================================
pcm_*    samples, little-endian         any from 8 to 48 kHz
mulaw    one byte a sample              any; telephones want 8 kHz
wav      header, then pcm_s16le         any
mp3      48 kbit/s at 24 kHz            the nearest of MPEG's nine
opus     32 kbit/s Ogg/Opus             the nearest of 8, 12, 16, 24, 48 kHz
======== ============================== ====================================
"""

from typing import Literal, Protocol

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]  it has none
from numpy.typing import NDArray

from voice_agent.audio.compress import MP3_RATES_HZ, OPUS_RATES_HZ, Mp3Packer, OpusPacker
from voice_agent.audio.g711 import mulaw_encode
from voice_agent.audio.pcm import float_to_int16

Encoding = Literal["pcm_f32le", "pcm_s16le", "mulaw", "mp3", "opus", "wav"]

UNKNOWN_BYTES = 0xFFFFFFFF
"""Length in the header of a WAV that is still growing; readers then read to the end."""

_WAV_HEADER_BYTES = 44
_WAV_SIZE_AT, _WAV_DATA_SIZE_AT = 4, 40
_QUALITY = "MQ"
"""soxr's. From 22,050 to 8,000 Hz LQ loses 8 dB at 3.4 kHz and QQ folds everything back;
MQ is flat to 3.6 kHz and 127 dB down at 4.5. It holds back up to 82 ms of audio (VHQ
167 ms), which delays nobody: it is audio that comes with the next chunk or the tail."""


class _Packer(Protocol):
    """Samples at the final rate to bytes."""

    media_type: str

    def pack(self, samples: NDArray[np.float32]) -> bytes: ...

    def finish(self) -> bytes: ...


class Encoder:
    """Turns float32 samples into bytes, chunk by chunk; made by `open_encoder`.

    Attributes:
        sample_rate_hz: Of the bytes.
        media_type: Of the bytes, for HTTP.
        samples_out: Samples at `sample_rate_hz` that went into bytes so far; MP3 and Opus
            work in frames and hold up to 48 and 20 ms of them back.
    """

    def __init__(self, packer: _Packer, source_rate_hz: int, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.media_type = packer.media_type
        self.samples_out = 0
        self._packer = packer
        self._resampler = (
            None
            if source_rate_hz == sample_rate_hz
            else soxr.ResampleStream(
                source_rate_hz, sample_rate_hz, 1, dtype="float32", quality=_QUALITY
            )
        )
        self._finished = False

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        """Bytes of what can be encoded now; may be empty."""
        return self._pack(samples, last=False)

    def finish(self) -> bytes:
        """The tail: afterwards the stream is as long as what was put in, to the sample.

        (MP3 cannot say where it ends: it is up to two frames longer.) A second call gives
        nothing.
        """
        if self._finished:
            return b""
        self._finished = True
        tail = self._pack(np.zeros(0, np.float32), last=True)
        return tail + self._packer.finish()

    def _pack(self, samples: NDArray[np.float32], *, last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        self.samples_out += len(samples)
        return self._packer.pack(samples)


def open_encoder(encoding: Encoding, source_rate_hz: int, sample_rate_hz: int) -> Encoder:
    """Makes the encoder for one stream.

    Args:
        encoding: What the bytes shall be.
        source_rate_hz: Rate of the samples that will come.
        sample_rate_hz: Rate that is wanted; `Encoder.sample_rate_hz` is what it became.
    """
    match encoding:
        case "mp3":
            rate_hz = _nearest(sample_rate_hz, MP3_RATES_HZ)
            return Encoder(Mp3Packer(rate_hz), source_rate_hz, rate_hz)
        case "opus":
            rate_hz = _nearest(sample_rate_hz, OPUS_RATES_HZ)
            return Encoder(OpusPacker(rate_hz), source_rate_hz, rate_hz)
        case "wav":
            return Encoder(_WavPacker(sample_rate_hz), source_rate_hz, sample_rate_hz)
        case "pcm_f32le" | "pcm_s16le" | "mulaw":
            return Encoder(_RawPacker(encoding, sample_rate_hz), source_rate_hz, sample_rate_hz)


def finished_wav(stream: bytes | bytearray) -> bytes:
    """A WAV stream of an encoder, all of it, with its true length in the header."""
    wav = bytearray(stream)
    wav[_WAV_SIZE_AT : _WAV_SIZE_AT + 4] = (len(wav) - 8).to_bytes(4, "little")
    n_bytes = len(wav) - _WAV_HEADER_BYTES
    wav[_WAV_DATA_SIZE_AT : _WAV_DATA_SIZE_AT + 4] = n_bytes.to_bytes(4, "little")
    return bytes(wav)


def _nearest(rate_hz: int, rates_hz: tuple[int, ...]) -> int:
    """The nearest rate; of two equally near ones the higher."""
    return min(rates_hz, key=lambda other: (abs(other - rate_hz), -other))


class _RawPacker:
    def __init__(self, encoding: Literal["pcm_f32le", "pcm_s16le", "mulaw"], rate_hz: int) -> None:
        self._encoding: Literal["pcm_f32le", "pcm_s16le", "mulaw"] = encoding
        subtype = "PCMU" if encoding == "mulaw" else "pcm"
        self.media_type = f"audio/{subtype};rate={rate_hz}"
        if subtype == "pcm":
            self.media_type += f";encoding={encoding.removeprefix('pcm_')}"

    def pack(self, samples: NDArray[np.float32]) -> bytes:
        match self._encoding:
            case "pcm_f32le":
                return samples.astype("<f4").tobytes()
            case "pcm_s16le":
                return float_to_int16(samples).astype("<i2").tobytes()
            case "mulaw":
                return mulaw_encode(float_to_int16(samples))

    def finish(self) -> bytes:
        return b""


class _WavPacker:
    media_type = "audio/wav"

    def __init__(self, rate_hz: int) -> None:
        self._header = _wav_header(rate_hz)

    def pack(self, samples: NDArray[np.float32]) -> bytes:
        if not len(samples):
            return b""
        header, self._header = self._header, b""
        return header + float_to_int16(samples).astype("<i2").tobytes()

    def finish(self) -> bytes:
        header, self._header = self._header, b""  # of a stream without a sample
        return header


def _wav_header(rate_hz: int) -> bytes:
    unknown = UNKNOWN_BYTES.to_bytes(4, "little")
    fields = (
        (16, 4),  # bytes of this part
        (1, 2),  # PCM
        (1, 2),  # channels
        (rate_hz, 4),
        (2 * rate_hz, 4),  # bytes a second
        (2, 2),  # bytes a sample
        (16, 2),  # bits a sample
    )
    form = b"".join(value.to_bytes(n_bytes, "little") for value, n_bytes in fields)
    return b"RIFF" + unknown + b"WAVEfmt " + form + b"data" + unknown
