"""What the model made of one piece of audio, and signs that it made it up.

The thresholds are those that Whisper and faster-whisper use (compression ratio 2.4, mean
log probability −1, no-speech probability 0.6). The loop check is for short windows, on which
stock weights may repeat themselves without end.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_agent.engines.base import TimedWord

_MAX_COMPRESSION = 2.4
_MIN_LOG_PROBABILITY = -1.0
_MAX_NO_SPEECH = 0.6
# people say "no no no" and "five five five five"; nobody says a phrase five times
_MAX_REPEATS = 4
_LONGEST_LOOP_WORDS = 6
_MAX_WORDS_PER_S = 7.0  # fast speech has 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """Result of one decode.

    Attributes:
        text: As the model writes it, without spaces around it.
        words: With times from the window's first sample.
        audio_s: Length of the audio, without padding.
        mean_log_probability: Of the tokens, the end token included.
        no_speech_probability: Of silence; 0 where it was not asked for.
        ended: Whether the model came to an end by itself.
        language: What was decoded.
        language_probability: How sure that language is; None if it was given.
    """

    text: str
    words: tuple[TimedWord, ...]
    audio_s: float
    mean_log_probability: float
    no_speech_probability: float
    ended: bool
    language: str
    language_probability: float | None = None

    @property
    def doubtful(self) -> bool:
        """Whether another decode might do better."""
        return self.looping or self.mean_log_probability < _MIN_LOG_PROBABILITY

    @property
    def looping(self) -> bool:
        """Whether it runs on, repeats itself, or says more than can be said in the time."""
        return (
            not self.ended
            or compression_ratio(self.text) > _MAX_COMPRESSION
            or repeats_from(spelled(self.words)) is not None
            or len(self.words) > 2 + _MAX_WORDS_PER_S * self.audio_s
        )

    @property
    def silent(self) -> bool:
        """Whether nothing was said: the model thinks so, and is unsure of its words."""
        return (
            self.no_speech_probability > _MAX_NO_SPEECH
            and self.mean_log_probability < _MIN_LOG_PROBABILITY
        )

    def cleaned(self) -> "Hypothesis":
        """Without what was made up: empty if silent, a loop cut after its first round."""
        if self.silent:
            return replace(self, text="", words=())
        cut = repeats_from(spelled(self.words))
        if cut is None:
            return self
        words = self.words[:cut]
        return replace(self, text=" ".join(w.word for w in words), words=words)


def spelled(words: Sequence[TimedWord]) -> list[str]:
    """The words for comparing: lower case, no punctuation at the ends."""
    return [w.word.lower().strip(".,;:!?…\"'") for w in words]


def compression_ratio(text: str) -> float:
    """How far the text can be compressed; above 2.4 it repeats itself (as in Whisper)."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def repeats_from(words: Sequence[str]) -> int | None:
    """Index of the second round of a loop: one to six words that come more than four times."""
    for length in range(1, _LONGEST_LOOP_WORDS + 1):
        looped = length * (_MAX_REPEATS + 1)
        for start in range(len(words) - looped + 1):
            if words[start + length : start + looped] == words[start : start + looped - length]:
                return start + length
    return None
