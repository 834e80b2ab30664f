"""How much of an answer has been heard, and which of its words."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from voice_agent.engines.clauses import is_speakable

# a client reports four times a second; one that stopped reporting is not believed longer
_REPORT_VALID_S = 2.0
# of a word so long that only its end is said again
REPEAT_AT_MOST_S = 1.5
# the network is between the clock and the ear: rather a sound twice than one that is missing
_UNSURE_S = 0.1
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class _Piece:
    start_s: float
    end_s: float
    text_start: float
    text_end: float

    def until(self, at_s: float) -> "_Piece":
        """The part of it before a time, if that is within it."""
        if at_s >= self.end_s:
            return self
        return replace(self, end_s=at_s, text_end=self.reached(at_s))

    def reached(self, at_s: float) -> float:
        """How far its text has been heard at a time."""
        part = min(1.0, (at_s - self.start_s) / (self.end_s - self.start_s))
        return self.text_start + part * (self.text_end - self.text_start)

    def time_of(self, place: float) -> float:
        """When a character of it is heard."""
        part = (place - self.text_start) / (self.text_end - self.text_start)
        return self.start_s + part * (self.end_s - self.start_s)


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
        self._held_s: float | None = None
        self._rewound = False  # what comes next begins before the end of what was played
        self.sent_s = 0.0
        """Audio that was sent, in seconds."""

    def sent(self, duration_s: float, text_start: int, text_end: int) -> None:
        """Notes a chunk that goes out now."""
        now_s = self._clock()
        if self._first_sent_at_s is None:
            self._first_sent_at_s = now_s
        start_s, self.sent_s = self.sent_s, self.sent_s + duration_s
        text_begins = self._share_word(text_start)
        self._pieces.append(_Piece(start_s, self.sent_s, text_begins, max(text_begins, text_end)))
        self._plays_until_s = max(now_s, self._plays_until_s) + duration_s

    def _share_word(self, text_start: int) -> float:
        """Where a piece's text begins.

        A word that is heard in two pieces is text of both: half of it is taken to be heard
        in each.
        """
        last = self._pieces[-1] if self._pieces else None
        rewound, self._rewound = self._rewound, False
        if last is None or rewound or text_start >= last.text_end:
            return text_start
        middle = (max(text_start, last.text_start) + last.text_end) / 2
        self._pieces[-1] = replace(last, text_end=middle)
        return middle

    def reported(self, played_s: float) -> None:
        """Notes what the client says it has played of this answer.

        Nothing plays before it was sent: a report about the answer before, which crossed
        the beginning of this one, counts for no more than the time since then.
        """
        if self._first_sent_at_s is not None:
            self._reported_at_s = self._clock()
            possible_s = self._reported_at_s - self._first_sent_at_s
            self._reported_s = min(played_s, self.sent_s, possible_s)
            if self._held_s is not None:
                self._held_s = self._reported_s

    def hold(self) -> None:
        """The client drops what it has not played; what it reports now counts to the last."""
        self._held_s = self.played_s

    def go_on(self) -> None:
        """Goes on after `hold` where nothing was dropped."""
        if self._held_s is not None:
            self._plays_until_s = self._clock() + self.sent_s - self._held_s
            self._held_s = self._reported_s = None

    def rewind(self, text: str) -> float:
        """Goes on after `hold`; what is sent next follows what was played.

        Args:
            text: Of the answer.

        Returns:
            From where the audio has to be sent again: the beginning of the word that was
            cut, in seconds of what was sent until now.
        """
        at_s = self.played_s
        again_s = self._word_start_s(text, at_s)
        self._held_s = None
        self._rewound = True
        self._pieces = [piece.until(at_s) for piece in self._pieces if piece.start_s < at_s]
        self.sent_s = at_s
        self._plays_until_s = self._clock()
        if self._reported_s is not None:
            self._reported_s, self._reported_at_s = at_s, self._clock()
        return again_s

    @property
    def played_s(self) -> float:
        """Audio that has been heard, in seconds."""
        if self._held_s is not None:
            return self._held_s
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
        position = self._position(self.played_s)
        if not is_speakable(text[position:]):
            return text
        ends = [m.end() for m in _WORD.finditer(text) if m.end() <= position]
        return text[: ends[-1]] if ends else ""

    def _position(self, at_s: float) -> int:
        reached = [piece.reached(at_s) for piece in self._pieces if piece.start_s < at_s]
        return round(max(reached, default=0.0))

    def _word_start_s(self, text: str, at_s: float) -> float:
        """When the word began that was cut at a time, give or take a little."""
        before_s = max(0.0, at_s - _UNSURE_S)
        place = self._position(before_s)
        cut = next((m for m in _WORD.finditer(text) if m.start() <= place < m.end()), None)
        if cut is None:
            return before_s
        within = (p for p in self._pieces if p.text_start <= cut.start() < p.text_end)
        times_s = [piece.time_of(cut.start()) for piece in within]
        return max(min([before_s, *times_s[:1]]), at_s - REPEAT_AT_MOST_S, 0.0)
