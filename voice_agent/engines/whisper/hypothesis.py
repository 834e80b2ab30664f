"""What the model made of one piece of audio, and signs that it made it up.

The compression ratio and the mean log probability from which on a text is doubted are those of
Whisper. What counts as silence was measured (benchmarks/results/windows.md): Whisper's own rule
let "you" out of pure silence, and took "console" for none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_agent.engines.base import TimedWord
from voice_agent.engines.whisper.loops import again, compression_ratio, repeats, spelled, unspoken
from voice_agent.engines.whisper.words import SPACELESS

_MAX_COMPRESSION = 2.4
_MIN_LOG_PROBABILITY = -1.0
# Silence, noises and music have a no-speech probability that is high, tokens that are unlikely,
# or something of both: together above 1.0 in 33 of 33 with base and 32 with tiny.en; 150 single
# words over a telephone at -30 and -38 dBFS had 0.95 at most.
_SILENT_ABOVE = 0.98
_PER_LOG_PROBABILITY = 0.3
# A word or two that are as unlikely as this are a cough or an "uh" ("Arm.", -1.6); of the same
# words none was below -1.28.
_FEW_WORDS = 2
_UNHEARD_LOG_PROBABILITY = -1.4
# More words than that are not speech below this: "I'm going to add some salt" was a cough (-1.6);
# of 900 texts of real speech one was, and that one was wrong.
_NOISE_LOG_PROBABILITY = -1.5
# Of coughs the model makes "Thank you." with a "Thank" of 0.01. Of 900 texts of real speech, most
# of them single words over a telephone, the least likely word of any had 0.035.
_UNHEARD_WORD = 0.025
_UNLIKELY_LOG_PROBABILITY = -0.8
_MAX_WORDS_PER_S = 7.0  # fast speech has 5
_MAX_SIGNS_PER_S = 20.0  # where a word is a character; Thai has 12 or so
# how sure one may be of what is left of a loop
_LOOP_LOG_PROBABILITY = math.log(0.2)


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
        in_full: Whether the model was shown the full window.
    """

    text: str
    words: tuple[TimedWord, ...]
    audio_s: float
    mean_log_probability: float
    no_speech_probability: float
    ended: bool
    language: str
    language_probability: float | None = None
    in_full: bool = True

    @property
    def spaced(self) -> bool:
        """Whether there are spaces between its words."""
        return self.language not in SPACELESS

    @property
    def unsure(self) -> bool:
        """Whether the tokens are not what the model would say of clear speech."""
        return self.mean_log_probability < _MIN_LOG_PROBABILITY

    @property
    def doubtful(self) -> bool:
        """Whether another decode might do better."""
        return self.looping or self.suspect or self.cut

    @property
    def looping(self) -> bool:
        """Whether it repeats itself without end, or says more than can be said in the time."""
        return self.made_up or (not self.ended and self.says_again)

    @property
    def made_up(self) -> bool:
        """Whether no one can have said this."""
        per_s = _MAX_WORDS_PER_S if self.spaced else _MAX_SIGNS_PER_S
        return (
            compression_ratio(self.text) > _MAX_COMPRESSION
            or repeats(spelled(self.words)) is not None
            or unspoken(self.words)
            or len(self.words) > 2 + per_s * self.audio_s
        )

    @property
    def says_again(self) -> bool:
        """Whether a phrase comes twice in a row: a loop, or it was said twice."""
        return again(spelled(self.words), spaced=self.spaced) is not None

    @property
    def suspect(self) -> bool:
        """Whether a phrase comes twice in a window in which models loop."""
        return self.says_again and not self.in_full

    @property
    def cut(self) -> bool:
        """Whether it had more to say than it had tokens for."""
        return not self.ended and not self.looping

    @property
    def silent(self) -> bool:
        """Whether nothing was said: the model thinks so, or its words are too unlikely."""
        unlikely = self.mean_log_probability
        few = len(self.words) <= _FEW_WORDS
        if unlikely < (_UNHEARD_LOG_PROBABILITY if few else _NOISE_LOG_PROBABILITY):
            return True
        least = min((word.confidence for word in self.words), default=1.0)
        if least < _UNHEARD_WORD and unlikely < _UNLIKELY_LOG_PROBABILITY:
            return True
        return self.no_speech_probability - _PER_LOG_PROBABILITY * unlikely > _SILENT_ABOVE

    def cleaned(self) -> "Hypothesis":
        """Without what was made up: empty if silent or no words, one round of each loop.

        Whoever reads the rest of a loop is told not to trust it. Of a text that was cut the
        last word is left out, for it may be a part of one.
        """
        if self.silent or not self.words:
            return replace(self, text="", words=())
        words = list(self.words)
        if self.looping or self.suspect:
            while (rounds := again(spelled(words), spaced=self.spaced)) is not None:
                del words[rounds]
            # a loop of letters inside of a word has no round that could be left
            endless = compression_ratio(" ".join(w.word for w in words)) > _MAX_COMPRESSION
            return self._of(() if endless else words, sure=_LOOP_LOG_PROBABILITY)
        return self._of(words[:-1]) if self.cut else self

    def before_loop(self) -> "Hypothesis":
        """What comes before a phrase is said again, that phrase included; all if none is."""
        rounds = again(spelled(self.words), spaced=self.spaced)
        return self if rounds is None else self._of(self.words[: rounds.start])

    def _of(self, words: Sequence[TimedWord], *, sure: float = 0.0) -> "Hypothesis":
        separator = " " if self.spaced else ""
        return replace(
            self,
            text=separator.join(w.word for w in words),
            words=tuple(words),
            mean_log_probability=min(self.mean_log_probability, sure),
            ended=True,
        )
