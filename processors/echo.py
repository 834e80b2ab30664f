"""Gives a caller its own voice back."""

import time
from collections.abc import Callable

from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.audio_input import AudioInput
from voice_agent.frames import SpokenAudioFrame


class Echo(FrameProcessor):
    """Pushes a `SpokenAudioFrame` for every `InputAudioRawFrame`; passes the rest on.

    Args:
        sample_rate_hz: Of what comes out.
        max_ahead_s: Audio that comes in faster than it can be played is dropped beyond
            this much; None never drops, for outputs that slow their input themselves.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        max_ahead_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._sample_rate_hz = sample_rate_hz
        self._max_ahead_s = max_ahead_s
        self._clock = clock
        self._plays_until_s = 0.0
        self._audio = AudioInput(sample_rate_hz)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turns audio around."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)
        elif audio := self._audio.samples(frame).tobytes():
            seconds = len(audio) / 2 / self._sample_rate_hz
            if self._has_room_for(seconds):
                await self.push_frame(SpokenAudioFrame(audio, self._sample_rate_hz, 1))

    def _has_room_for(self, seconds: float) -> bool:
        now_s = self._clock()
        plays_until_s = max(now_s, self._plays_until_s) + seconds
        if self._max_ahead_s is not None and plays_until_s - now_s > self._max_ahead_s:
            return False
        self._plays_until_s = plays_until_s
        return True
