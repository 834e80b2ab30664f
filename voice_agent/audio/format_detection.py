"""A stream of which it is not known yet what it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio import id3, pcm
from voice_agent.audio.decode import RATE_HZ
from voice_agent.audio.detect import check_samples, find_container, find_raw, find_tagged
from voice_agent.audio.magic import CONTAINERS, READABLE, Kind
from voice_agent.audio.pcm import SampleFormat
from voice_agent.audio.plausible import WINDOW_BYTES, may_be_samples
from voice_agent.audio.raw_wav import RawWavDecoder
from voice_agent.errors import BadAudio, UnsupportedFormat

_UNDECIDED_S = 10.0
"""Silence (read as int16) after which its length is no longer left open."""

_AMBIGUOUS = frozenset(b"\0\xff\xa3")
"""First bytes of a box, a frame and a block, which are looked for until more has come, and of
many samples."""

_RECOVERS_AFTER = 4
"""Pieces of at least 4 KiB that can be samples, after some that could not: an eighth of a
second of real time each. A file that is no audio has these seldom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a stream is.

    Attributes:
        kind: A container, or None for raw samples.
        raw: The decoder for raw samples.
        data: The bytes to decode, those held back included.
        due: Silence to give out before them.
    """

    kind: Kind | None
    raw: RawWavDecoder | None
    data: bytes
    due: NDArray[np.int16]


class FormatDetection:
    """Collects the first bytes of a stream until they tell what it is.

    Leading silence fits int16 and float32, which has half as many samples in the same
    bytes. While nothing else comes, the smaller number is given out; when the first sound
    decides, the missing rest is due at once, so that times are right for both. After
    10 s of silence (5 s if it was float32) int16 is assumed for the silence.
    """

    def __init__(
        self, *, rate_hz: int, channels: int, containers_only: bool, to_hz: int = RATE_HZ
    ) -> None:
        self._rate_hz = rate_hz
        self._to_hz = to_hz
        self._channels = channels
        self._containers_only = containers_only
        self._held = b""
        self._may_be_raw = False
        self._may_be_float = True
        self._n_wrong = 0
        self._tagged = False
        self._skip_bytes = 0
        self._silent_bytes = 0
        self._silent_out = 0
        self.hopeless = False
        """The error just raised is about a whole file: what follows belongs to it."""

    def take(self, frame: bytes) -> Decision | NDArray[np.int16]:
        """Takes the next frame; returns what the stream is, or silence to give out.

        Raises:
            BadAudio: It is no container where one must be, or no whole samples.
            UnsupportedFormat: Text, a format that is not read here, or no samples. The
                last is said once; later frames are dropped until they are samples again.
        """
        data, self._held = self._held + frame, b""
        self.hopeless = True
        self._may_be_float = self._may_be_float and not len(frame) % 4
        data = self._after_tags(data)
        kind = (find_tagged if self._tagged else find_container)(data) if data else Kind.MORE
        if kind in (Kind.MORE, Kind.ID3):
            self._held = data
            return pcm.silence(0)
        if kind in CONTAINERS:
            return Decision(kind=kind, raw=None, data=data, due=self._due(SampleFormat.S16))
        if self._tagged:
            raise UnsupportedFormat(f"what follows the ID3 tag is not read here: {READABLE}")
        if self._containers_only:
            raise BadAudio("no container begins here")
        self.hopeless = False
        return self._take_raw(data)

    def end(self) -> Decision | NDArray[np.int16]:
        """No more will come; returns what is left.

        Raises:
            BadAudio: The bytes held back are the mere beginning of a container.
            UnsupportedFormat: They are no samples.
        """
        data, self._held = self._held, b""
        if self._n_wrong or not (data or self._tagged):
            return self._due(SampleFormat.S16)
        if self._tagged or self._containers_only or not self._is_doubtful(data):
            raise BadAudio(f"the stream ends after {len(data)} bytes")
        check_samples(data)
        return self._decide(SampleFormat.S16, data)

    def _is_doubtful(self, data: bytes) -> bool:
        """It was held back although it may well be samples."""
        return self._may_be_raw or data[0] in _AMBIGUOUS

    def _take_raw(self, data: bytes) -> Decision | NDArray[np.int16]:
        if self._n_wrong:
            return self._take_wrong(data)
        try:
            kind = find_raw(data, may_be_float=self._may_be_float)
        except UnsupportedFormat:
            self._n_wrong = _RECOVERS_AFTER if len(data) >= WINDOW_BYTES else 0
            raise
        if kind is Kind.MORE:
            self._may_be_raw, self._held = True, data
            return pcm.silence(0)
        if kind is Kind.SILENCE and not len(data) % (4 * self._channels):
            self._silent_bytes += len(data)
            seconds = self._silent_bytes / (2 * self._channels * self._rate_hz)
            return self._due(SampleFormat.F32 if seconds <= _UNDECIDED_S else SampleFormat.S16)
        return self._decide(SampleFormat.F32 if kind is Kind.PCM_F32LE else SampleFormat.S16, data)

    def _take_wrong(self, data: bytes) -> NDArray[np.int16]:
        """Drops what follows bytes that were no samples, and counts what may be samples."""
        if len(data) < WINDOW_BYTES:
            self._held = data
        elif may_be_samples(data):
            self._n_wrong -= 1
        else:
            self._n_wrong = _RECOVERS_AFTER
        return pcm.silence(0)

    def _after_tags(self, data: bytes) -> bytes:
        """What follows the ID3 tags, as far as it has come."""
        while True:
            n_skipped = min(self._skip_bytes, len(data))
            self._skip_bytes -= n_skipped
            data = data[n_skipped:]
            if not id3.is_tag(data):
                return data
            self._tagged = True
            if len(data) < id3.HEADER_BYTES:
                return data
            self._skip_bytes = id3.tag_bytes(data)

    def _decide(self, sample_format: SampleFormat, data: bytes) -> Decision:
        raw = RawWavDecoder(
            sample_format, rate_hz=self._rate_hz, channels=self._channels, to_hz=self._to_hz
        )
        raw.check(data)
        return Decision(kind=None, raw=raw, data=data, due=self._due(sample_format))

    def _due(self, sample_format: SampleFormat) -> NDArray[np.int16]:
        """The leading silence, read so, less what was given out."""
        n_samples = self._silent_bytes // (sample_format.n_bytes * self._channels)
        n_due = max(round(n_samples * self._to_hz / self._rate_hz) - self._silent_out, 0)
        self._silent_out += n_due
        return pcm.silence(n_due)
