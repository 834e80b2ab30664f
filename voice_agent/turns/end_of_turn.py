"""Whether a caller who pauses has finished, and how long to wait before that counts.

A pause shows signs: what Smart Turn makes of the sound, how the words end, what was asked. Each
sign has a weight (`end_of_turn_weights.py`, fitted by `benchmarks.turn_ends.fit`); their sum is
the log odds that the turn is complete. From that follows the wait: a turn ends once pauses of
callers who go on have become rare enough. So a plain sentence ends as soon as its text is there,
a number that is being dictated waits, and what hangs on an "and" waits longest.

In a language without rules (`phrase_words.py`), and as long as there is no text, the sound alone
decides.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from voice_agent.turns.end_of_turn_weights import SOUND_ONLY, WAITS_MS, WITH_TEXT
from voice_agent.turns.phrase_end import PhraseEnd, phrase_end

# Smart Turn says 0.99 where it is wrong as well: more than this is no more certain
_SMART_TURN_SURE = 0.99
_FEW_WORDS = 4
# A turn that is nothing but a "yes" waits no longer than this, however it sounds; and than this
# where that is what was asked for. What turns were made of to learn from has too many who go on.
_SHORT_ANSWER_MS = 600.0
_ANSWER_MS = 400.0
# a sentence of so many words may be whole; more say nothing, and would outweigh an open end
_ENOUGH_WORDS = 8


class Expected(StrEnum):
    """What the caller was asked for last."""

    ANY = "any"
    YES_NO = "yes_no"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What is known of a pause.

    Attributes:
        smart_turn: Probability that the turn is complete, from its sound; None if there is no
            judgement.
        text: Of the turn so far; empty if it is not there yet, or nothing was understood.
        language: Of the text, as a code.
        confidence: Of the text, 0–1.
        expected: What the caller was asked for.
    """

    smart_turn: float | None
    text: str = ""
    language: str = ""
    confidence: float = 1.0
    expected: Expected = Expected.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """When the turn ends if nothing more is said.

    Attributes:
        log_odds: That it is complete.
        wait_ms: Silence after its last word.
        signs: What each sign added to the log odds.
    """

    log_odds: float
    wait_ms: float
    signs: Mapping[str, float]

    @property
    def probability(self) -> float:
        """That it is complete."""
        return 1 / (1 + math.exp(-self.log_odds))


def decide(pause: Pause) -> Decision:
    """Weighs the signs of a pause."""
    end = phrase_end(pause.text, pause.language)
    if end is None:
        weights, signs = SOUND_ONLY, sound_signs(pause)
    else:
        weights, signs = WITH_TEXT, {**sound_signs(pause), **text_signs(pause, end)}
    added = {sign: weights[sign] * value for sign, value in signs.items() if value}
    log_odds = sum(added.values())
    longest_ms = _longest_ms(pause, end)
    return Decision(log_odds=log_odds, wait_ms=min(wait_ms(log_odds), longest_ms), signs=added)


def _longest_ms(pause: Pause, end: PhraseEnd | None) -> float:
    if end is None or not end.short_answer:
        return math.inf
    return _ANSWER_MS if pause.expected is Expected.YES_NO else _SHORT_ANSWER_MS


def sound_signs(pause: Pause) -> dict[str, float]:
    """The signs that are there without a text."""
    if pause.smart_turn is None:
        return {"always": 1.0}
    p = min(max(pause.smart_turn, 1 - _SMART_TURN_SURE), _SMART_TURN_SURE)
    return {"always": 1.0, "smart_turn": math.log(p / (1 - p))}


def text_signs(pause: Pause, end: PhraseEnd) -> dict[str, float]:
    """The signs of the words, and of what was asked."""
    dictated = end.number_open or end.number_full or end.spelled
    asked_number = pause.expected is Expected.NUMBER
    return {
        "full_stop": float(end.full_stop),
        "question": float(end.question),
        "open_mark": float(end.open_mark),
        "hangs": float(end.hangs),
        "may_hang": float(end.may_hang),
        "filler": float(end.filler),
        "leads_in": float(end.leads_in),
        "clause_open": float(end.clause_open),
        "short_answer": float(end.short_answer),
        "closing": float(end.closing),
        "number_open": float(end.number_open),
        "number_full": float(end.number_full),
        "spelled": float(end.spelled),
        "one_word": float(end.n_words == 1),
        "few_words": float(1 < end.n_words <= _FEW_WORDS),
        "words": math.log(min(end.n_words, _ENOUGH_WORDS)),
        "unsure_text": 1 - pause.confidence,
        "answers_yes_no": float(pause.expected is Expected.YES_NO and end.short_answer),
        "asked_number": float(asked_number),
        "asked_number_no_digits": float(asked_number and not dictated),
    }


def wait_ms(log_odds: float) -> float:
    """Silence after which a turn ends that is complete with these odds; falls as they rise."""
    below = None
    for odds, milliseconds in WAITS_MS:
        if log_odds <= odds:
            if below is None:
                return milliseconds
            share = (log_odds - below[0]) / (odds - below[0])
            return below[1] + share * (milliseconds - below[1])
        below = (odds, milliseconds)
    return WAITS_MS[-1][1]


_SENTENCE_END = re.compile(r"[.!?]\s+")
_ASKS_FOR_NUMBER = re.compile(
    r"\b(numbers?|codes?|pin|zip|digits?|extension|birth|birthday|born|address|e-?mail|spell|"
    r"spelled|how (?:old|much|many)|amount|what time)\b"
)
_YES_NO = re.compile(
    r"(?:(?:and|so|but|or|okay|ok|well|then|now|great|sorry)[, ]+)*"
    r"(?:do|does|did|is|are|was|were|am|can|could|will|would|shall|should|have|has|may|isn't|"
    r"aren't|don't|doesn't|didn't|won't|wouldn't|can't|couldn't)\b(?!.*\bor\b)"
)
_REQUEST = re.compile(
    r"(?:(?:and|so|but|okay|ok|well|then|now|great|sorry|thanks)[, ]+)*"
    r"(?:please|tell|give|enter|say|spell|read|(?:can|could|may|would|will) (?:you|i)\b)"
)
_TAG = re.compile(r"(?:right|correct|okay|ok|is that (?:right|correct|okay))\?$")


def expected_answer(asked: str) -> Expected:
    """What somebody answers who was told this; English only, anything in other languages.

    Args:
        asked: What was said to the caller, all of it.
    """
    last = _SENTENCE_END.split(asked.strip().lower())[-1]
    question = last.endswith("?")
    if _ASKS_FOR_NUMBER.search(last) and (_REQUEST.match(last) or question):
        plain = question and _YES_NO.match(last) and not _REQUEST.match(last)
        return Expected.YES_NO if plain else Expected.NUMBER
    if question and (_YES_NO.match(last) or _TAG.search(last)):
        return Expected.YES_NO
    return Expected.ANY
