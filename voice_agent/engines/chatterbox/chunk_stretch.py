"""A job's speed: its chunks are stretched on their way out."""

from dataclasses import replace

from voice_agent.audio.stretch import TimeStretch
from voice_agent.engines.base import Samples, SpokenChunk
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ


class ChunkStretch:
    """Chunks in, chunks out; the model knows nothing of it, and the watermark outlives it.

    Args:
        speed: 1.0 or None leaves the chunks as they are.
    """

    def __init__(self, speed: float | None) -> None:
        speed = speed or 1.0
        self._stretch = TimeStretch(SAMPLE_RATE_HZ, speed) if speed != 1.0 else None
        self._last: SpokenChunk | None = None
        self._text_start: int | None = None  # of text whose audio is still held

    def push(self, chunk: SpokenChunk) -> SpokenChunk | None:
        """What can be heard now; None if it is all held."""
        if self._stretch is None:
            return chunk
        samples = self._stretch.push(chunk.samples)
        self._last = chunk
        if self._text_start is None:
            self._text_start = chunk.text_start
        if not len(samples):
            return None
        return self._heard(samples)

    def finish(self) -> SpokenChunk | None:
        """What was held back."""
        if self._stretch is None or self._last is None:
            return None
        samples = self._stretch.finish()
        return self._heard(samples) if len(samples) else None

    def _heard(self, samples: Samples) -> SpokenChunk:
        assert self._last is not None
        start = self._last.text_end if self._text_start is None else self._text_start
        self._text_start = None
        return replace(self._last, samples=samples, text_start=start)
