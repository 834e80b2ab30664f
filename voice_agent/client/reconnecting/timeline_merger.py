"""Makes one stream of what several sessions say about the same audio."""

from bisect import bisect_right
from collections import deque
from typing import TypeVar

from voice_agent.wire.asr import (
    AsrServerMessage,
    Configured,
    Final,
    Partial,
    SpeechEnd,
    SpeechStart,
)

M = TypeVar("M", bound=Partial | SpeechEnd | SpeechStart)

# Of a turn that has to be recognised again: sound before its first word, as the service
# keeps it itself, and enough for its voice activity model to settle.
_LEAD_S = 0.5
# Where no turn is open: speech may have begun that the service had not told of yet.
_UNTOLD_S = 1.0
# Two sessions see a segment begin and end within so much of the same place (windows of 32 ms,
# and a model that was settled or was not).
_SAME_S = 0.3


class TimelineMerger:
    """Shifts the times of sessions to those of all audio, and knows which audio is settled.

    When a session begins anew with audio that was heard before, the segments that were
    told already are not told again: starts and ends alternate, whatever happens. Partials
    of the turn that was open begin anew.
    """

    def __init__(self) -> None:
        self._from_s: list[float] = [0.0]  # session time from which on …
        self._shift_s: list[float] = [0.0]  # … so much is added
        self._starts_s: deque[float] = deque()  # of segments that no final has settled
        self._settled_s = 0.0
        self._told_s = 0.0  # up to here starts and ends were told
        self._speaking = False
        self._repeating = False  # inside a segment that was told before
        self._asked_s: deque[float] = deque()  # `finalize` without a final yet
        self._own_configs = 0

    def asked(self, at_s: float) -> None:
        """Notes that a final was asked for after so much audio."""
        self._asked_s.append(at_s)

    def needs_from_s(self, heard_s: float) -> float:
        """The audio from here on may still be needed.

        Args:
            heard_s: Audio that the service is known to have received.
        """
        needed_s = self._starts_s[0] - _LEAD_S if self._starts_s else heard_s - _UNTOLD_S
        if self._asked_s:
            needed_s = min(needed_s, self._asked_s[0])
        return max(needed_s, self._settled_s, 0.0)

    def needs_finalize(self, at_s: float) -> bool:
        """Whether a final that was asked for there has not come."""
        return bool(self._asked_s) and at_s >= self._asked_s[0]

    def configuring(self) -> None:
        """The next `configured` answers nobody but the client itself."""
        self._own_configs += 1

    def begins(self, at_s: float) -> None:
        """Another session begins, with the audio from here on."""
        self._from_s, self._shift_s = [0.0], [at_s]
        self._starts_s.clear()
        self._repeating = False
        self._own_configs = 0

    def skips(self, at_s: float, duration_s: float) -> None:
        """Audio is missing in this session: what comes after it is later than it thinks."""
        self._from_s.append(at_s - self._shift_s[-1])
        self._shift_s.append(self._shift_s[-1] + duration_s)

    def take(self, message: AsrServerMessage) -> AsrServerMessage | None:
        """The message for the user, with the times of all audio; None if it is not news."""
        match message:
            case SpeechStart():
                return self._start(self._moved(message))
            case SpeechEnd():
                return self._end(self._moved(message))
            case Partial():
                return self._moved(message)
            case Final():
                return self._settle(message)
            case Configured() if self._own_configs:
                self._own_configs -= 1
                return None
            case _:
                return message

    def _at(self, session_s: float) -> float:
        return session_s + self._shift_s[bisect_right(self._from_s, session_s) - 1]

    def _moved(self, message: M) -> M:
        at_s = round(self._at(message.timestamp), 3)
        return message.model_copy(update={"timestamp": at_s})

    def _start(self, start: SpeechStart) -> SpeechStart | None:
        at_s = start.timestamp
        self._starts_s.append(at_s)
        self._repeating = self._speaking or at_s < self._told_s - _SAME_S
        if self._repeating:
            return None
        # a segment may begin where the one before was seen to end a little later
        at_s = max(at_s, self._told_s)
        self._speaking, self._told_s = True, at_s
        return start.model_copy(update={"timestamp": at_s})

    def _end(self, end: SpeechEnd) -> SpeechEnd | None:
        if not self._speaking or (self._repeating and end.timestamp < self._told_s - _SAME_S):
            return None
        self._speaking = self._repeating = False
        self._told_s = max(self._told_s, end.timestamp)
        return end.model_copy(update={"timestamp": self._told_s})

    def _settle(self, final: Final) -> Final:
        moved = final.model_copy(
            update={
                "start": round(self._at(final.start), 3),
                "end": round(self._at(final.end), 3),
                "words": [
                    word.model_copy(
                        update={
                            "start": round(self._at(word.start), 3),
                            "end": round(self._at(word.end), 3),
                        }
                    )
                    for word in final.words
                ],
            }
        )
        self._settled_s = max(self._settled_s, moved.end)
        while self._starts_s and self._starts_s[0] < self._settled_s:
            self._starts_s.popleft()
        if final.ended_by == "client" and self._asked_s:
            self._asked_s.popleft()
        return moved
