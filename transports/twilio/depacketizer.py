"""The caller's audio: messages in, samples for a pipeline out, holes filled."""

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio.g711 import mulaw_decode
from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.wire.twilio import FRAME_BYTES, FRAME_S, SAMPLE_RATE_HZ, Media

# a longer hole is no loss of packets but a pause of the stream: silence in its full length
# would only come too late
_MAX_FILL_S = 0.2
_BYTES_PER_MS = SAMPLE_RATE_HZ // 1000
_SILENCE = b"\xff"


class Depacketizer:
    """Gathers a call's µ-law into int16 samples with 16 kHz.

    Messages carry 20 ms and a pipeline costs by the frame, so several make one. Where the
    numbers show that messages are missing, silence stands in, up to 200 ms: words do not
    run into each other and times stay right.

    Args:
        gather_ms: Length of what comes out; rounded down to whole messages.
    """

    def __init__(self, *, gather_ms: int) -> None:
        frame_ms = round(FRAME_S * 1000)
        self._gather_bytes = max(frame_ms, gather_ms // frame_ms * frame_ms) * _BYTES_PER_MS
        self._resampler = Resampler(SAMPLE_RATE_HZ, ASR_SAMPLE_RATE_HZ)
        self._gathered = bytearray()
        self._sequence: int | None = None
        self._ends_at_ms: float | None = None
        self.n_gaps = 0
        """How often messages were missing."""
        self.filled_s = 0.0
        """Silence that stood in for them."""

    def note(self, sequence: int | None) -> int:
        """Follows the numbers of all messages.

        Returns:
            How many are missing before this one; 0 also when the numbers go back or start
            again, which happens to be harmless.
        """
        if sequence is None:
            return 0
        last, self._sequence = self._sequence, sequence
        missing = 0 if last is None else max(0, sequence - last - 1)
        self.n_gaps += missing > 0
        return missing

    def push(self, media: Media) -> NDArray[np.int16] | None:
        """Takes a message; returns samples when there are enough.

        However much comes at once, comes out at once.
        """
        missing = self.note(media.sequence)
        if missing:
            self._fill(missing, media.at_ms)
        if media.at_ms is not None:
            self._ends_at_ms = media.at_ms + len(media.ulaw) / _BYTES_PER_MS
        self._gathered += media.ulaw
        return self.take() if len(self._gathered) >= self._gather_bytes else None

    def take(self) -> NDArray[np.int16]:
        """What has been gathered, as it is."""
        ulaw = bytes(self._gathered)
        self._gathered.clear()
        return float_to_int16(self._resampler.push(int16_to_float(mulaw_decode(ulaw))))

    def _fill(self, missing: int, at_ms: int | None) -> None:
        if at_ms is not None and self._ends_at_ms is not None:
            # other messages have numbers too: the clock knows how much of it was audio
            hole_s = (at_ms - self._ends_at_ms) / 1000
        else:
            hole_s = missing * FRAME_S
        n_frames = int(min(max(hole_s, 0.0), _MAX_FILL_S) / FRAME_S + 0.5)
        self._gathered += _SILENCE * (n_frames * FRAME_BYTES)
        self.filled_s += n_frames * FRAME_S
