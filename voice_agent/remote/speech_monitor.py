"""Whether a caller speaks, known without the service that otherwise says it."""

import numpy as np

from voice_agent.audio.pcm import int16_to_float
from voice_agent.engines.base import Samples
from voice_agent.engines.silero import WINDOW_SAMPLES, SileroVad
from voice_agent.turns.segmenter import Segmenter


class SpeechMonitor:
    """Listens for speech; one object for each stretch of audio that nobody else hears.

    Args:
        vad: The shared voice activity model.
    """

    def __init__(self, vad: SileroVad) -> None:
        self._vad = vad
        self._stream = vad.open_stream()
        self._segmenter = Segmenter()
        self._left: Samples = np.empty(0, np.float32)
        self.spoke = False
        """Whether there was any speech."""

    @property
    def speaking(self) -> bool:
        """Whether there is speech, or some begins."""
        return not self._segmenter.quiet

    async def hear(self, audio: bytes) -> None:
        """Takes the next audio, int16 at 16 kHz.

        Raises:
            EngineUnavailable: The model is closed.
        """
        samples = int16_to_float(np.frombuffer(audio, np.int16))
        samples = np.concatenate([self._left, samples])
        n_whole = len(samples) - len(samples) % WINDOW_SAMPLES
        self._left = samples[n_whole:]
        if not n_whole:
            return
        self._stream.quiet = self._segmenter.quiet
        for probability in await self._vad.probabilities(self._stream, samples[:n_whole]):
            self._segmenter.feed(probability)
            self.spoke = self.spoke or self._segmenter.speaking
