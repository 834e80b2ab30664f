"""Follows a conversation and writes its turns down."""

from collections.abc import Sequence

from voice_agent.engines.base import TimedWord
from voice_agent.records.clock import SessionClock
from voice_agent.records.record import AgentTurn, CallerTurn, Record, Word
from voice_agent.wire.agent import Stage

# a day of talk; the oldest go first
_MAX_TURNS = 10_000
# what a model that does not stop may write into a record; speech ends long before
_MAX_SAID_CHARS = 20_000
# engines give times to the sample
_DIGITS = 3


class Transcript:
    """Fills in the turns of a record.

    Args:
        record: Of the conversation; its turns and errors are written by this alone.
        clock: Of the session.
        words: Keep the times of the caller's words.
    """

    def __init__(self, record: Record, clock: SessionClock, *, words: bool) -> None:
        self._record = record
        self._clock = clock
        self._words = words
        self._answer: AgentTurn | None = None

    def spoken(
        self,
        text: str,
        start_s: float,
        end_s: float,
        *,
        language: str,
        confidence: float,
        words: Sequence[TimedWord],
    ) -> None:
        """The caller has said something; times are of the caller's audio."""
        if not text:
            return
        self._add(
            CallerTurn(
                text=text,
                start_s=self._at_s(start_s),
                end_s=self._at_s(end_s),
                language=language or None,
                confidence=round(confidence, _DIGITS),
                words=[self._word(word) for word in words] if self._words else None,
            )
        )

    def typed(self, text: str) -> None:
        """The caller has typed something now, or pressed keys."""
        now_s = self._now_s()
        self._add(CallerTurn(text=text, start_s=now_s, end_s=now_s, typed=True))

    def answer_begins(self, turn: int | None) -> None:
        """The agent begins to answer; None if it speaks without being asked."""
        self._answer = AgentTurn(turn=turn)
        self._add(self._answer)

    def writes(self, text: str) -> None:
        """More of the answer's text."""
        if self._answer is None:
            self.answer_begins(None)
        if self._answer is not None and len(self._answer.said) < _MAX_SAID_CHARS:
            self._answer.said += text

    def speaks(self) -> None:
        """Audio of the answer is sent now."""
        if self._answer is not None and self._answer.start_s is None:
            self._answer.start_s = self._now_s()

    def phrase(self, words: str) -> None:
        """The agent begins to say something that is no text of the answer."""
        if not words:
            return
        if self._answer is None:
            self.answer_begins(None)
        if self._answer is not None:
            self._answer.phrases.append(words)
            self.speaks()

    def answer_ends(self, turn: int, heard: str, *, interrupted: bool) -> None:
        """An answer is over."""
        answer = self._of(turn)
        if answer is None:
            return
        answer.heard, answer.interrupted = heard, interrupted
        answer.end_s = self._now_s()
        if answer is self._answer:
            self._answer = None

    def takes(self, turn: int, stages: Sequence[Stage]) -> None:
        """Where the time went before an answer."""
        answer = self._of(turn)
        if answer is not None:
            answer.latency = list(stages)

    def error(self, code: str) -> None:
        """The caller was told of an error."""
        self._record.errors[code] = self._record.errors.get(code, 0) + 1

    def _add(self, turn: CallerTurn | AgentTurn) -> None:
        self._record.turns.append(turn)
        if len(self._record.turns) > _MAX_TURNS:
            del self._record.turns[0]
            self._record.n_turns_left_out += 1

    def _of(self, turn: int) -> AgentTurn | None:
        """The answer with a number; the last ones are looked at."""
        for other in self._record.turns[:-10:-1]:
            if isinstance(other, AgentTurn) and other.turn == turn:
                return other
        return None

    def _word(self, word: TimedWord) -> Word:
        return Word(
            word=word.word,
            start_s=self._at_s(word.start_s),
            end_s=self._at_s(word.end_s),
            confidence=round(word.confidence, _DIGITS),
        )

    def _at_s(self, audio_s: float) -> float:
        return round(self._clock.at_s(audio_s), _DIGITS)

    def _now_s(self) -> float:
        return round(self._clock.now_s, _DIGITS)
