"""What it means that the caller speaks while the agent does."""

import re
from collections.abc import Callable
from enum import Enum, auto

from voice_agent.turns.back_channels import BackChannels

# Speech that goes on for longer than this, after it was detected, is more than a word.
_WORD_S = 1.0
# A text is due so long after a pause; what is said later than that is dealt with when it
# comes, and the answer goes on until then.
_TEXT_S = 3.0
# who speaks into the last word of an answer has begun to reply to it
_NEARLY_OVER_S = 1.0
# a question, and hardly anything after it
_ASKED = re.compile(r"[?\uff1f]\W*(\w\S*\s*){0,3}$")


class Verdict(Enum):
    """What becomes of an answer that was held."""

    WAIT = auto()
    RESUME = auto()
    INTERRUPT = auto()


class BargeIn:
    """Decides whether speech during an answer takes the turn.

    A back-channel is no turn, unless the agent has just asked something or has nearly
    finished: then "yes" is a reply. Nothing at all (a cough) is none either.

    Args:
        words: What back-channels are.
        clock: Seconds, monotonic.
    """

    def __init__(self, words: BackChannels, clock: Callable[[], float]) -> None:
        self._words = words
        self._clock = clock
        self._reply = False
        self._due_at_s: float | None = None
        self.during_answer = False
        """Whether the caller's open turn began while the agent spoke, and did not end that."""

    def speak(self) -> None:
        """Speech begins, or goes on after a pause; the answer is held, see `hear`."""
        if self._due_at_s is None:
            self._reply = True  # unless there was something to hold
        self.during_answer = True
        self._due_at_s = self._clock() + _WORD_S

    def hear(self, heard_text: str, left_s: float) -> None:
        """Takes what the caller has heard when the answer was held, and what is left of it."""
        self._reply = left_s < _NEARLY_OVER_S or _ASKED.search(heard_text) is not None

    def pause(self) -> None:
        """Speech pauses: its text is due."""
        if self._due_at_s is not None:
            self._due_at_s = self._clock() + _TEXT_S

    def judge(self, text: str, language: str = "", *, settled: bool) -> Verdict:
        """Takes text of the turn.

        Args:
            text: All of the turn so far.
            language: Code, if it is known.
            settled: It is all that was said until a pause, or until the end.
        """
        if text.strip() and (self._reply or not self._words.match(text, language)):
            return Verdict.INTERRUPT
        return Verdict.RESUME if settled else Verdict.WAIT

    @property
    def due_in_s(self) -> float | None:
        """How long `overdue` can wait; None if nothing is held."""
        return None if self._due_at_s is None else max(0.0, self._due_at_s - self._clock())

    def overdue(self, *, speaking: bool) -> Verdict:
        """What to do when no text has come in time."""
        return Verdict.INTERRUPT if speaking else Verdict.RESUME

    def resume(self) -> None:
        """The answer goes on; the caller's turn may be open still."""
        self._due_at_s = None

    def reset(self) -> None:
        """The answer was interrupted, or the caller's turn is over."""
        self.during_answer = self._reply = False
        self._due_at_s = None
