"""How much of an answer has been heard, and which of its words."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from voice_agent.engines.clauses import is_speakable

# a client reports four times a second; one that stopped reporting is not believed longer
_REPORT_VALID_S = 2.0
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class _Piece:
    start_s: float
    end_s: float
    text_start: int
    text_end: int


class Playback:
    """One answer's audio on its way to an ear.

    What the client reports is believed, as far as the time allows; between reports, and
    without any, the audio is taken to play in real time from when it was sent.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pieces: list[_Piece] = []
        self._plays_until_s = 0.0
        self._reported_s: float | None = None
        self._reported_at_s = 0.0
        self._first_sent_at_s: float | None = None
        self.sent_s = 0.0
        """Audio that was sent, in seconds."""

    def sent(self, duration_s: float, text_start: int, text_end: int) -> None:
        """Notes a chunk that goes out now."""
        now_s = self._clock()
        if self._first_sent_at_s is None:
            self._first_sent_at_s = now_s
        start_s, self.sent_s = self.sent_s, self.sent_s + duration_s
        self._pieces.append(_Piece(start_s, self.sent_s, text_start, text_end))
        self._plays_until_s = max(now_s, self._plays_until_s) + duration_s

    def reported(self, played_s: float) -> None:
        """Notes what the client says it has played of this answer.

        Nothing plays before it was sent: a report about the answer before, which crossed
        the beginning of this one, counts for no more than the time since then.
        """
        if self._first_sent_at_s is not None:
            self._reported_at_s = self._clock()
            possible_s = self._reported_at_s - self._first_sent_at_s
            self._reported_s = min(played_s, self.sent_s, possible_s)

    @property
    def played_s(self) -> float:
        """Audio that has been heard, in seconds."""
        since_s = self._clock() - self._reported_at_s
        if self._reported_s is not None and since_s <= _REPORT_VALID_S:
            return min(self._reported_s + since_s, self.sent_s)
        return self.sent_s - max(0.0, self._plays_until_s - self._clock())

    @property
    def ahead_s(self) -> float:
        """Audio that was sent and is not heard yet, in seconds."""
        return self.sent_s - self.played_s

    def heard(self, text: str) -> str:
        """The beginning of `text` whose words were heard to their end.

        What cannot be spoken (a last emoji) counts as heard with what is before it.
        """
        position = self._position()
        if not is_speakable(text[position:]):
            return text
        ends = [m.end() for m in _WORD.finditer(text) if m.end() <= position]
        return text[: ends[-1]] if ends else ""

    def _position(self) -> int:
        played_s = self.played_s
        position = 0
        for piece in self._pieces:
            if piece.start_s >= played_s:
                break
            part = min(1.0, (played_s - piece.start_s) / (piece.end_s - piece.start_s))
            reached = piece.text_start + round(part * (piece.text_end - piece.text_start))
            position = max(position, reached)
        return position
