"""One question and what came of it."""

import random
from dataclasses import dataclass

from benchmarks.voice_to_voice.questions import Question

PATIENCE_S = 15.0
"""After this an answer does not come any more."""
_PAUSE_S = (0.7, 2.0)  # least and most between the end of an answer and the next question


@dataclass(frozen=True, slots=True)
class Turn:
    """A question was asked.

    Attributes:
        question: Which.
        delay_s: From its last sound to the first of the answer; None if none came.
        final: What was recognised, where the caller is told.
        answer: Text of the answer, or what a listener understood of it.
    """

    question: Question
    delay_s: float | None
    final: str = ""
    answer: str = ""


def pause_s(chance: random.Random) -> float:
    """How long a caller thinks."""
    return chance.uniform(*_PAUSE_S)
