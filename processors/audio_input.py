"""The audio of a pipeline in one format, whatever the transport's rate and channels."""

import numpy as np
from numpy.typing import NDArray
from pipecat.frames.frames import AudioRawFrame

from voice_agent.audio.pcm import float_to_int16, mono
from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ


class AudioInput:
    """One stream of frames; frames in, int16 mono samples out.

    A frame in that format costs nothing. Another rate is resampled as one stream, and begins a
    new one where it changes.

    Args:
        to_hz: Rate of the samples; by default what the engines take.
    """

    def __init__(self, to_hz: int = ASR_SAMPLE_RATE_HZ) -> None:
        self._to_hz = self._rate_hz = to_hz
        self._resampler: Resampler | None = None

    def samples(self, frame: AudioRawFrame) -> NDArray[np.int16]:
        """The samples that are certain now: as long as the frame, but for 3 ms.

        Raises:
            ValueError: The frame has no whole number of 16-bit samples.
        """
        if frame.sample_rate == self._to_hz and frame.num_channels == 1:
            return np.frombuffer(frame.audio, np.int16)
        if frame.sample_rate != self._rate_hz or self._resampler is None:
            self._rate_hz = frame.sample_rate
            self._resampler = Resampler(frame.sample_rate, self._to_hz)
        return float_to_int16(self._resampler.push(mono(frame.audio, frame.num_channels)))
