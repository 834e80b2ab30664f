"""A stream of which it is not known yet what it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio import pcm
from voice_agent.audio.decode import RATE_HZ
from voice_agent.audio.detect import CONTAINERS, Kind, find_container, find_raw
from voice_agent.audio.pcm import SampleFormat
from voice_agent.audio.plain import RawDecoder
from voice_agent.errors import BadAudio

_UNDECIDED_S = 10.0
"""Silence (read as int16) after which its length is no longer left open."""


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
    raw: RawDecoder | None
    data: bytes
    due: NDArray[np.int16]


class Undecided:
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
        self._silent_bytes = 0
        self._silent_out = 0
        self.hopeless = False
        """The error just raised is about a whole file: what follows belongs to it."""

    def take(self, frame: bytes) -> Decision | NDArray[np.int16]:
        """Takes the next frame; returns what the stream is, or silence to give out.

        Raises:
            BadAudio: It is no container where one must be, or no whole samples.
            UnsupportedFormat: Text, or a format that is not read here.
        """
        data, self._held = self._held + frame, b""
        self.hopeless = True
        kind = find_container(data)
        if kind is Kind.MORE:
            self._held = data
            return pcm.silence(0)
        if kind in CONTAINERS:
            return Decision(kind=kind, raw=None, data=data, due=self._due(SampleFormat.S16))
        if self._containers_only:
            raise BadAudio("no container begins here")
        self.hopeless = False
        kind = find_raw(data)
        if kind is Kind.SILENCE and not len(data) % (4 * self._channels):
            self._silent_bytes += len(data)
            seconds = self._silent_bytes / (2 * self._channels * self._rate_hz)
            return self._due(SampleFormat.F32 if seconds <= _UNDECIDED_S else SampleFormat.S16)
        return self._decide(SampleFormat.F32 if kind is Kind.PCM_F32LE else SampleFormat.S16, data)

    def end(self) -> Decision | NDArray[np.int16]:
        """No more will come; returns what is left.

        Raises:
            BadAudio: The bytes held back are the mere beginning of a container.
        """
        data, self._held = self._held, b""
        if not data:
            return self._due(SampleFormat.S16)
        if data[0] != 0xFF or self._containers_only:
            raise BadAudio(f"the stream ends after {len(data)} bytes")
        return self._decide(SampleFormat.S16, data)  # it only looked like MP3

    def _decide(self, sample_format: SampleFormat, data: bytes) -> Decision:
        raw = RawDecoder(
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
