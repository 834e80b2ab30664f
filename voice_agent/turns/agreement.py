"""Which words of a turn are settled while it is still being spoken.

Time-anchored LocalAgreement-2 (the idea: Liu et al. 2020, "Low-latency
sequence-to-sequence speech recognition"; Macháček et al. 2023, whisper_streaming): words
on which two hypotheses in a row agree, compared after the end of the last settled word,
are settled and never change within the turn. Anchoring in time instead of comparing whole
texts keeps one early conflict from freezing the rest: on real recordings 82 % of words
settle before the turn ends, against 56 %. Unlikely words have to come a third time: in the
partials of 97 real utterances that halves the settled words that the final changes (from 1.4 to
0.6 %), and 3 % fewer settle before the turn ends.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from voice_agent.engines.base import TimedWord

# words whose middle lies this much before the anchor count as new
_ANCHOR_SLACK_S = 0.05
# a settled word may be heard again up to this much after the anchor
_SEAM_S = 0.3
_SEAM_WORDS = 5
# two hypotheses on nearly the same audio agree without meaning anything
MIN_NEW_AUDIO_S = 0.4
_LIKELY = 0.5


def normalise(word: str) -> str:
    """The form in which words are compared: lower case, no punctuation."""
    return re.sub(r"[^\w']+", "", word.lower())


class CommittedPrefix:
    """The settled words of one turn and the tentative ones after them."""

    def __init__(self) -> None:
        self.separator = " "
        """What stands between two words; nothing in Chinese."""
        self.committed: list[TimedWord] = []
        """Words that no later hypothesis of this turn changes."""
        self.tail: list[TimedWord] = []
        """Words that the last hypothesis adds."""
        self._audio_end_s = 0.0
        self._n_agreed = 0  # words of the tail that came twice, and not surely enough

    @property
    def words(self) -> list[TimedWord]:
        """All words to show."""
        return self.committed + self.tail

    @property
    def text(self) -> str:
        """All words as text."""
        return self._join(self.words)

    @property
    def committed_chars(self) -> int:
        """Length of the prefix of `text` that stays."""
        return len(self._join(self.committed))

    @property
    def settled_s(self) -> float:
        """Where the last settled word ends, 0 without one; the words' clock."""
        return self.committed[-1].end_s if self.committed else 0.0

    def update(
        self, hypothesis: Sequence[TimedWord], audio_end_s: float, *, at_pause: bool = False
    ) -> int:
        """Takes the next hypothesis.

        Args:
            hypothesis: All words heard in the turn so far, in order.
            audio_end_s: Where the audio behind it ended; the same clock as the words.
            at_pause: The audio ends in silence, so that no word of it is cut off, and the
                words were decoded as those of a final are: they count however little of the
                audio is new.

        Returns:
            How many words were settled by it.
        """
        fresh = self._after_anchor(hypothesis)
        if not at_pause and audio_end_s - self._audio_end_s < MIN_NEW_AUDIO_S:
            return 0
        self._audio_end_s = audio_end_s
        agreed = 0
        for old, new in zip(self.tail, fresh, strict=False):
            if normalise(old.word) != normalise(new.word) or new.end_s > audio_end_s:
                break
            agreed += 1
        settled = 0
        while settled < agreed and (
            settled < self._n_agreed or fresh[settled].confidence >= _LIKELY
        ):
            settled += 1
        self._n_agreed = agreed - settled
        self.committed += fresh[:settled]
        self.tail = fresh[settled:]
        return settled

    def split(self, at_s: float) -> "CommittedPrefix":
        """Moves the words behind `at_s` to the prefix of a part that begins there."""
        rest = CommittedPrefix()
        rest.separator = self.separator
        rest.committed = [_earlier(w, at_s) for w in self.committed if _middle(w) >= at_s]
        rest.tail = [_earlier(w, at_s) for w in self.tail if _middle(w) >= at_s]
        rest._audio_end_s = max(0.0, self._audio_end_s - at_s)
        self.committed = [w for w in self.committed if _middle(w) < at_s]
        self.tail = [w for w in self.tail if _middle(w) < at_s]
        return rest

    def revised_by(self, final: Sequence[TimedWord]) -> int:
        """How many settled words are not in the final, in order."""
        ours = [normalise(w.word) for w in self.committed]
        theirs = [normalise(w.word) for w in final]
        matches = SequenceMatcher(a=ours, b=theirs, autojunk=False).get_matching_blocks()
        return len(ours) - sum(block.size for block in matches)

    def _after_anchor(self, hypothesis: Sequence[TimedWord]) -> list[TimedWord]:
        if not self.committed:
            return list(hypothesis)
        anchor_s = self.committed[-1].end_s
        fresh = [w for w in hypothesis if _middle(w) > anchor_s - _ANCHOR_SLACK_S]
        settled = [normalise(w.word) for w in self.committed]
        for length in range(min(_SEAM_WORDS, len(settled), len(fresh)), 0, -1):
            repeated = [normalise(w.word) for w in fresh[:length]]
            if repeated == settled[-length:] and fresh[0].start_s < anchor_s + _SEAM_S:
                return fresh[length:]
        return fresh

    def _join(self, words: Sequence[TimedWord]) -> str:
        return self.separator.join(w.word for w in words)


def _middle(word: TimedWord) -> float:
    return (word.start_s + word.end_s) / 2


def _earlier(word: TimedWord, by_s: float) -> TimedWord:
    start_s, end_s = max(0.0, word.start_s - by_s), word.end_s - by_s
    return replace(word, start_s=round(start_s, 3), end_s=round(end_s, 3))
