"""What the model made of one piece of audio, and signs that it made it up.

The thresholds are those that Whisper and faster-whisper use (compression ratio 2.4, mean
log probability −1, no-speech probability 0.6). The loop check is for short windows, on which
stock weights may repeat themselves without end.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_agent.engines.base import TimedWord
from voice_agent.engines.whisper.words import SPACELESS

_MAX_COMPRESSION = 2.4
_MIN_LOG_PROBABILITY = -1.0
_MAX_NO_SPEECH = 0.6
# People say "no no no no no" and read out "zero zero zero zero zero"; nobody says a phrase
# five times, or ten words that are all the same.
_LOOP_ROUNDS = 5
_LOOP_WORDS = 10
_LONGEST_PHRASE_WORDS = 6
_MAX_WORDS_PER_S = 7.0  # fast speech has 5
_MAX_SIGNS_PER_S = 20.0  # where a word is a character; Thai has 12 or so


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
        per_s = _MAX_SIGNS_PER_S if self.language in SPACELESS else _MAX_WORDS_PER_S
        return (
            not self.ended
            or compression_ratio(self.text) > _MAX_COMPRESSION
            or repeats(spelled(self.words)) is not None
            or len(self.words) > 2 + per_s * self.audio_s
        )

    @property
    def silent(self) -> bool:
        """Whether nothing was said: the model thinks so, and is unsure of its words."""
        return (
            self.no_speech_probability > _MAX_NO_SPEECH
            and self.mean_log_probability < _MIN_LOG_PROBABILITY
        )

    def cleaned(self) -> "Hypothesis":
        """Without what was made up: empty if silent or no words, one round of each loop."""
        if self.silent or not self.words:
            return replace(self, text="", words=())
        words = list(self.words)
        while (rounds := repeats(spelled(words))) is not None:
            del words[rounds]
        if len(words) == len(self.words):
            return self
        separator = "" if self.language in SPACELESS else " "
        return replace(self, text=separator.join(w.word for w in words), words=tuple(words))


def spelled(words: Sequence[TimedWord]) -> list[str]:
    """The words for comparing: lower case, no punctuation at the ends."""
    return [w.word.lower().strip(".,;:!?…\"'") for w in words]


def compression_ratio(text: str) -> float:
    """How far the text can be compressed; above 2.4 it repeats itself (as in Whisper)."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def repeats(words: Sequence[str]) -> slice | None:
    """Where a loop goes on after its first round, until something else follows.

    A loop is a phrase of up to six words that comes at least five times, or one word that
    comes at least ten times.
    """
    for length in range(1, _LONGEST_PHRASE_WORDS + 1):
        looped = length * max(_LOOP_ROUNDS, math.ceil(_LOOP_WORDS / length))
        for start in range(len(words) - looped + 1):
            end = start + length
            while end < len(words) and words[end] == words[end - length]:
                end += 1
            if end - start >= looped:
                return slice(start + length, end)
    return None
