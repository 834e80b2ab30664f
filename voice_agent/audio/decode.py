"""Ogg, WebM, MP3, FLAC, MP4, AAC and more, decoded as they arrive.

FFmpeg's demuxers pull: they call `read` and want to wait there. So each open stream has
one thread, which is either working on the piece it was given or waiting for the next,
and `ContainerDecoder.push` returns when it waits again: what came out until then is all
that could be decoded, whatever the timing.

The demuxer is named, never guessed, and gets nothing but these bytes: no other file or
address can be opened by what a client sends.

Bytes before the first sample, and how far the samples then lag behind the bytes, median
and most (5 s of speech-like tones, FFmpeg 8.1; a lag under a page is the container's own):

================================= ======= ============
stream                            bytes   lag ms
================================= ======= ============
WebM/Opus 24 kbit/s               512     0, 70
Ogg/Opus 24 kbit/s, 20 ms pages   256     0, 10
Ogg/Opus 24 kbit/s, 1 s pages     5,120   420, 960
Ogg/Vorbis                        7,936   905, 1,800
MP3 64 kbit/s 48 kHz              1,024   40, 120
MP3 32 kbit/s 16 kHz, with ID3    1,280   185, 340
FLAC 16 kHz (parser looks ahead)  15,680  820, 1,130
================================= ======= ============
"""

import asyncio
import threading

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard
from numpy.typing import NDArray

from voice_agent.audio import pcm
from voice_agent.audio.magic import Kind
from voice_agent.audio.mp4 import Mp4Sieve
from voice_agent.audio.ogg import OggPages
from voice_agent.audio.pipe import Pipe
from voice_agent.audio.resample import Resampler
from voice_agent.audio.riff import check_shape
from voice_agent.errors import BadAudio, TooLarge, UnsupportedFormat, VoiceAgentError

RATE_HZ = 16_000
"""What decoders make of all audio unless they are told another rate."""

Decoded = tuple[NDArray[np.int16], VoiceAgentError | None]
"""Samples, and why there will be no more, if that is so."""

_OPTIONS = {"probesize": "32", "analyzeduration": "0"}
"""Start with the first packet instead of gathering seconds. Not `nobuffer`: it loses the
packets that were looked at."""

_PACKETS = {Kind.WAV: {"max_size": "1024"}}
"""A quarter of a second of ADPCM at 8 kHz; FFmpeg would wait for a whole one."""

_CODECS = frozenset(
    {
        *("opus", "vorbis", "flac", "mp3", "mp3float", "mp2", "mp2float", "aac", "alac"),
        *("adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "gsm_ms", "amrnb", "amrwb"),
    }
)
"""What is let through to a decoder; `pcm_*` too. The rest is never meant as speech."""

_MAX_BAD_PACKETS = 8
"""Undecodable packets in a row until the stream is given up; fewer are skipped."""

_MAX_BARREN_BYTES = 20 * 2**20
"""Bytes that may pass without a sample: a large cover picture fits (FLAC allows 16 MiB)."""


class ContainerDecoder:
    """One container stream becoming int16 mono; has a thread until `end` or `abort`.

    Args:
        kind: One of the containers, but not WAV.
        max_expansion_s: Seconds of audio that one `push` may become.
        deadline_s: How long one `push` may take.
        to_hz: Rate of what comes out.
    """

    def __init__(
        self, kind: Kind, *, max_expansion_s: float, deadline_s: float, to_hz: int = RATE_HZ
    ) -> None:
        self._deadline_s = deadline_s
        self._pages = OggPages() if kind is Kind.OGG else None
        self._sieve = Mp4Sieve() if kind is Kind.MP4 else None
        self._pipe = Pipe()
        self._worker = _Worker(kind, self._pipe, int(max_expansion_s * to_hz), to_hz)
        self._thread = threading.Thread(target=self._worker.run, name=f"decode-{kind}")
        self._thread.start()

    @property
    def finished(self) -> bool:
        """The container says that it is over; more bytes change nothing."""
        return self._pipe.finished

    def arrange(self, data: bytes) -> bytes:
        """The next bytes as `push` wants them: those of an MP4 with its index first.

        There may be none at first, and 20 MiB when the index comes.

        Raises:
            BadAudio, TooLarge, UnsupportedFormat: The stream is dropped.
        """
        return self._sieve.push(data) if self._sieve else data

    async def push(self, data: bytes) -> Decoded:
        """Hands over the next bytes, at most 16 KiB; returns what they make decodable.

        An error ends the stream; it comes with what was decoded before it:
        `BadAudio` if it cannot be decoded, or not in time, `UnsupportedFormat` if there
        is no audio that is read here, `TooLarge` if it became more audio than allowed.
        """
        if self._pages:
            self._pages.push(data)
        return await self._pass(data)

    def drain(self) -> NDArray[np.int16]:
        """What the resampler still holds; the stream goes on.

        What FFmpeg holds of an unfinished page or frame stays there.
        """
        return self._worker.drain()

    async def end(self) -> Decoded:
        """No more bytes will come; returns the tail and what was wrong, the end included."""
        tail, error = await self._pass(b"", last=True)
        if error is None and self._pages and self._pages.cut:
            error = BadAudio("the Ogg stream ends inside a page")
        if self._sieve and self._sieve.waits_for_index:
            error = BadAudio("this MP4 ends before its index: it is cut")
        await self.abort()
        return tail, error

    async def abort(self) -> None:
        """Ends the thread and forgets everything; may be called twice."""
        self._worker.abandoned = True
        waiting = self._pipe.abort()
        try:
            async with asyncio.timeout(self._deadline_s):
                await waiting
        except TimeoutError:
            return  # stuck inside a decoder: it ends when that returns
        self._thread.join(self._deadline_s)

    async def _pass(self, data: bytes, *, last: bool = False) -> Decoded:
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._pipe.put(data, last=last)
        except TimeoutError:
            return pcm.silence(0), BadAudio("decoding takes too long; the stream is dropped")
        return self._worker.take(), self._worker.error


class _Worker:
    """What runs in the thread; the loop's side touches it only while the thread waits."""

    def __init__(self, kind: Kind, pipe: Pipe, max_samples: int, to_hz: int) -> None:
        self._kind = kind
        self._pipe = pipe
        self._max_samples = max_samples
        self._to_hz = to_hz
        self._out: list[NDArray[np.int16]] = []
        self._n_out = 0
        self._resampler: Resampler | None = None
        self._rate_hz = 0
        self._barren_bytes = 0
        self.abandoned = False
        self.error: VoiceAgentError | None = None

    def run(self) -> None:
        try:
            self._decode()
        except VoiceAgentError as error:
            self.error = self.error or error
        except Exception as error:  # whatever a damaged stream provokes ends that stream only
            self.error = self.error or BadAudio(f"this {self._kind} stream cannot be decoded")
            self.error.__cause__ = error
        finally:
            self._pipe.finish()

    def take(self) -> NDArray[np.int16]:
        out = np.concatenate(self._out) if self._out else pcm.silence(0)
        self._out.clear()
        self._n_out = 0
        return out

    def drain(self) -> NDArray[np.int16]:
        if self._resampler is None:
            return pcm.silence(0)
        return pcm.units_to_int16(self._resampler.drain())

    def read(self, n_bytes: int) -> bytes:
        """The file that FFmpeg sees."""
        data = b"" if self.abandoned else self._pipe.read(n_bytes)
        self._barren_bytes += len(data)
        if self._barren_bytes > _MAX_BARREN_BYTES:
            self.error = TooLarge("too many bytes without a sample; the stream is dropped")
            return b""
        return data

    def _decode(self) -> None:
        with av.open(
            self,
            "r",
            format=self._kind.value,
            options=_OPTIONS | _PACKETS.get(self._kind, {}),
            metadata_errors="replace",
        ) as container:
            stream = self._pick(container)
            n_bad = 0
            for packet in container.demux(stream):
                if self.abandoned:
                    return
                try:
                    frames = packet.decode()
                except FFmpegError as error:
                    n_bad += 1
                    if n_bad > _MAX_BAD_PACKETS:
                        raise BadAudio(f"this {self._kind} stream is damaged") from error
                    continue
                n_bad = 0
                for frame in frames:
                    self._add(frame)
        if self._resampler is None:
            raise BadAudio(f"this {self._kind} stream ends before its first sample")
        self._put(self.drain())

    def _pick(self, container: InputContainer) -> AudioStream:
        if not container.streams.audio:
            raise UnsupportedFormat(f"there is no audio in this {self._kind} stream")
        stream = container.streams.audio[0]
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        codec = stream.codec_context
        if codec.name not in _CODECS and not codec.name.startswith("pcm_"):
            raise UnsupportedFormat(f"{codec.name} in {self._kind} is not read here")
        codec.thread_count = 1
        return stream

    def _add(self, frame: AudioFrame) -> None:
        self._barren_bytes = 0
        if self._resampler is None or frame.sample_rate != self._rate_hz:
            check_shape(frame.sample_rate, len(frame.layout.channels))
            self._put(self.drain())
            self._rate_hz = frame.sample_rate
            self._resampler = Resampler(self._rate_hz, self._to_hz)
        self._put(pcm.units_to_int16(self._resampler.push(_mono_units(frame))))

    def _put(self, samples: NDArray[np.int16]) -> None:
        self._n_out += len(samples)
        if self._n_out > self._max_samples:
            self._out.clear()
            raise TooLarge("the stream expands to too much audio at once; it is dropped")
        self._out.append(samples)


def _mono_units(frame: AudioFrame) -> NDArray[np.float32]:
    units = pcm.to_units(frame.to_ndarray())  # planar: a row for each channel; packed: one row
    if frame.format.is_planar:
        return pcm.mix_down(units, axis=0)
    return pcm.mix_down(units.reshape(-1, len(frame.layout.channels)), axis=1)
