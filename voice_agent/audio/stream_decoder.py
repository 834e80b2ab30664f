"""Whatever audio a client sends, as int16 mono of one rate."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio import mp4, pcm
from voice_agent.audio.decode import RATE_HZ, ContainerDecoder
from voice_agent.audio.detect import starts_anew
from voice_agent.audio.format_detection import Decision, FormatDetection
from voice_agent.audio.magic import Kind
from voice_agent.audio.pcm import SampleFormat
from voice_agent.audio.raw_wav import RawWavDecoder
from voice_agent.audio.riff import check_shape
from voice_agent.audio.wav import WavDecoder
from voice_agent.errors import BadAudio, UnsupportedFormat

Encoding = Literal["auto", "pcm_s16le", "pcm_f32le", "mulaw", "alaw", "container"]
Samples = NDArray[np.int16]

_SLICE_BYTES = 16 * 1024
"""Decoded at once, then the event loop gets its turn: 1–3 ms of resampling, and the unit
of the expansion limit."""

_SHORT_BYTES = 4 * 1024
"""Decoded in well under a millisecond, whatever the encoding."""

_DEADLINE_S = 10.0
"""For the decoder to take one slice; a slice takes milliseconds."""


class StreamDecoder:
    """Turns what a client sends into int16 mono; for one stream, one call at a time.

    `stream` and `finish` yield samples as they are decoded, and raise after what came
    before the error; `feed` and `flush` do the same in one piece, so that an error takes
    the samples of its own call with it. After every error the reader is ready for the
    next frame.

    A detected encoding stays until `configure` or, for a container, until its stream ends
    or fails. After a container failed or was over, further bytes are dropped without a
    word until a frame begins a new container, or `configure` or `flush` is called. How
    leading silence is counted, which fits two encodings: see `FormatDetection`.

    Args:
        max_expansion_s: Audio that 16 KiB of a container may become, in seconds.
        to_hz: Rate of what comes out.
    """

    def __init__(self, *, max_expansion_s: float = 60.0, to_hz: int = RATE_HZ) -> None:
        self._max_expansion_s = max_expansion_s
        self._to_hz = to_hz
        self._setting: Encoding = "auto"
        self._rate_hz = RATE_HZ
        self._channels: int = 1
        self._broken = False
        self._kind: Kind | None = None
        self._source: RawWavDecoder | WavDecoder | ContainerDecoder | FormatDetection
        self._source = self._new_source()

    @property
    def encoding(self) -> Encoding:
        """The encoding in force: set, or else detected; `auto` while it is open."""
        if self._setting != "auto" or isinstance(self._source, FormatDetection):
            return self._setting
        if isinstance(self._source, RawWavDecoder):
            f32 = self._source.sample_format is SampleFormat.F32
            return "pcm_f32le" if f32 else "pcm_s16le"
        return "container"

    @property
    def container(self) -> str | None:
        """The container that is being read: `wav`, `mp4`, `matroska`, …."""
        return self._kind

    async def configure(
        self,
        *,
        sample_rate: int | None = None,
        channels: int | None = None,
        encoding: Encoding | None = None,
    ) -> Samples:
        """Sets what is named, from the next sample on; returns the tail of what was before.

        Rate and channels say nothing about containers, whose stream goes on; another
        encoding ends it. `auto` again opens the detection of a raw stream anew.

        Raises:
            BadAudio: The stream that this ends was cut; the new values are in force.
            UnsupportedFormat: Not 4–192 kHz or 1–8 channels; nothing has changed.
        """
        shape = (sample_rate or self._rate_hz, channels or self._channels)
        setting = encoding or self._setting
        check_shape(*shape)
        self._broken = False
        if setting == self._setting and self._kind is not None:
            self._rate_hz, self._channels = shape
            return pcm.silence(0)
        if setting == self._setting and shape == (self._rate_hz, self._channels) and not encoding:
            return pcm.silence(0)
        raw = self._source if isinstance(self._source, RawWavDecoder) and not encoding else None
        try:
            return await self.flush()
        finally:
            self._rate_hz, self._channels = shape
            self._setting = setting
            self._source = self._raw(raw.sample_format) if raw else self._new_source()

    async def feed(self, data: bytes) -> Samples:
        """Takes a frame; returns all that can be decoded now. Raises as `stream`."""
        return await _joined(self.stream(data))

    async def flush(self) -> Samples:
        """Ends the stream; returns its tail. Raises as `finish`."""
        return await _joined(self.finish())

    async def drain(self) -> Samples:
        """All that can be had without ending the stream: for a `finalize` inside it.

        That is the 1–3 ms that the resampler holds (nothing at 16 kHz), as if silence
        followed; `feed` gave the rest. Later samples keep their times.
        """
        return pcm.silence(0) if isinstance(self._source, FormatDetection) else self._source.drain()

    async def close(self) -> None:
        """Ends the decoder and its thread; may be called twice."""
        source, self._source, self._kind = self._source, self._new_source(), None
        if not isinstance(source, FormatDetection):
            await source.abort()

    def take(self, data: bytes) -> Samples | None:
        """A short frame of a raw stream, decoded at once; None if `stream` has to take it.

        None also for what is wrong with it: `stream` says so.
        """
        source = self._source
        if self._broken or not isinstance(source, RawWavDecoder) or len(data) > _SHORT_BYTES:
            return None
        try:
            source.check(data)
        except BadAudio:
            return None
        return source.decode(data)

    async def stream(self, data: bytes) -> AsyncGenerator[Samples, None]:
        """Takes a frame and yields what can be decoded now, in pieces of bounded size (0 too).

        A consumer that is slow holds back decoding; one that leaves early loses the rest
        of the frame (and of the stream, if that is a container).

        Raises:
            BadAudio: The frame is not what was announced; it, or the container, is dropped.
            UnsupportedFormat: Text, or a format that is not read here.
            TooLarge: 16 KiB became more than `max_expansion_s` of audio.
        """
        if not data or (self._broken and not self._mended(data)):
            return
        source = self._source
        if isinstance(source, FormatDetection):
            found = self._take(source, data)
            if not isinstance(found, Decision):
                yield found
                return
            data = found.data
            self._kind = found.kind
            self._source = source = self._open(found)
            yield found.due
        elif isinstance(source, RawWavDecoder):
            source.check(data)
        async with aclosing(self._slices(source, data)) as pieces:
            async for samples in pieces:
                yield samples

    async def finish(self) -> AsyncGenerator[Samples, None]:
        """Ends the stream and yields its tail; the next one is detected anew if it is a
        container, and is taken to be alike if it is raw.

        Raises:
            BadAudio: The container ends where it must not, or never gave a sample.
        """
        self._broken = False
        source, kind = self._source, self._kind
        if isinstance(source, FormatDetection):
            self._source = self._new_source()
            found = source.end()
            if not isinstance(found, Decision):
                yield found
                return
            yield found.due
            if found.raw:
                yield found.raw.decode(found.data)
            return
        if kind is not None:
            self._source, self._kind = self._new_source(), None
        try:
            tail, error = await source.end()
        except asyncio.CancelledError:
            await source.abort()
            raise
        yield tail
        if error:
            raise error

    async def _slices(
        self, source: RawWavDecoder | WavDecoder | ContainerDecoder, data: bytes
    ) -> AsyncGenerator[Samples, None]:
        through = False
        try:
            if isinstance(source, ContainerDecoder):
                data = source.arrange(data)
            for first in range(0, len(data), _SLICE_BYTES):
                if first:
                    await asyncio.sleep(0)
                samples, error = await source.push(data[first : first + _SLICE_BYTES])
                yield samples
                if error:
                    raise error
            through = True
        finally:
            if self._kind is not None and (not through or source.finished):
                self._broken = True
                await self.close()

    def _take(self, undecided: FormatDetection, data: bytes) -> Decision | Samples:
        try:
            return undecided.take(data)
        except (BadAudio, UnsupportedFormat) as error:
            # One error for a whole file that is not read here; a frame of text is just refused.
            self._broken = undecided.hopeless
            raise error

    def _open(self, found: Decision) -> RawWavDecoder | WavDecoder | ContainerDecoder:
        if found.raw:
            return found.raw
        if found.kind is Kind.WAV or found.kind is None:
            return WavDecoder(self._container, to_hz=self._to_hz)
        return self._container(found.kind)

    def _container(self, kind: Kind) -> ContainerDecoder:
        return ContainerDecoder(
            kind,
            max_expansion_s=self._max_expansion_s,
            deadline_s=_DEADLINE_S,
            to_hz=self._to_hz,
        )

    def _mended(self, data: bytes) -> bool:
        self._broken = not starts_anew(data)
        return not self._broken

    def _raw(self, sample_format: SampleFormat) -> RawWavDecoder:
        return RawWavDecoder(
            sample_format, rate_hz=self._rate_hz, channels=self._channels, to_hz=self._to_hz
        )

    def _new_source(self) -> RawWavDecoder | FormatDetection:
        if self._setting in ("auto", "container"):
            return FormatDetection(
                rate_hz=self._rate_hz,
                channels=self._channels,
                containers_only=self._setting == "container",
                to_hz=self._to_hz,
            )
        return self._raw(SampleFormat(self._setting))


async def decode_file(path: Path, chunk: int = 64 * 1024) -> AsyncGenerator[Samples, None]:
    """Yields an audio file as int16 mono 16 kHz, reading `chunk` bytes at a time.

    Raises:
        BadAudio: It is damaged or cut; what could be decoded came before.
        UnsupportedFormat: It is no audio that is read here.
        OSError: It cannot be read.
    """
    reader = StreamDecoder()
    try:
        with await asyncio.to_thread(path.open, "rb") as file:
            pieces = await asyncio.to_thread(mp4.in_order, file, chunk)
            while data := await asyncio.to_thread(next, pieces, b""):
                async for samples in reader.stream(data):
                    yield samples
        async for samples in reader.finish():
            yield samples
    finally:
        await reader.close()


async def _joined(pieces: AsyncGenerator[Samples, None]) -> Samples:
    async with aclosing(pieces):
        return np.concatenate([pcm.silence(0), *[piece async for piece in pieces]])
