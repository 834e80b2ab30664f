"""faster-whisper called directly on whole recordings: what a model can do without a service."""

from pathlib import Path

from faster_whisper import WhisperModel

from benchmarks.speech import Clip
from benchmarks.words import Heard
from voice_agent.audio.pcm import int16_to_float


class Direct:
    """Greedy, in windows of 30 s, on one thread.

    Args:
        model: Folder.
    """

    def __init__(self, model: Path) -> None:
        self._model = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=1)

    def hear(self, clip: Clip, language: str) -> Heard:
        """One recording."""
        segments, _ = self._model.transcribe(
            int16_to_float(clip.samples), language=language, beam_size=1, temperature=0.0
        )
        return Heard(clip.name, clip.text, "".join(s.text for s in segments), language)
