"""The agent's audio on its way to the telephone: when a frame is sent, what was played."""

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from voice_agent.wire.twilio import FRAME_BYTES, FRAME_S, SAMPLE_RATE_HZ

T = TypeVar("T")

# How much the telephone has in hand. Enough for a busy event loop and a slow network; an
# interruption drops it, so it costs no time.
LEAD_S = 0.2
# More than this is never waiting, or an answer is not being paced before it comes here;
# what is too much is dropped.
MAX_WAITING_S = 60.0
# Marks that may be under way: one each 0.4 s of what waits, and then some. A server that
# never returns any forgets the oldest.
_MAX_MARKS = 512
_SILENCE = b"\xff"


class Playout:
    """A queue of 20 ms frames and marks, with the clock that says which of them is due.

    The clock is absolute: a frame follows 20 ms after the one before, however late that was
    sent. After a stall the frames that are due are sent at once, and no more than `LEAD_S`
    of them: what was not played in time the caller has missed as a pause, and hurrying
    after it would not bring it back.

    A mark counts as played only if no `clear` was sent after it, because a `clear` brings
    all of them back at once.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: deque[bytes | str] = deque()
        self._n_waiting_bytes = 0
        self._rest = bytearray()
        self._plays_until_s = 0.0
        self._answer = 0
        self._n_answer_bytes = 0
        self._n_marks = 0
        self._to_clear = False
        # by name: the answer and how much of it is before the mark
        self._marks: dict[str, tuple[int, float]] = {}
        self._cleared: dict[str, None] = {}
        self.dropped_s = 0.0
        """Audio that found no room."""

    def begin(self) -> None:
        """Another answer follows: positions count from its first frame."""
        self.finish()
        self._answer += 1
        self._n_answer_bytes = 0

    def go_on(self, played_s: float) -> None:
        """After a `clear`, what follows goes on in the same answer, of which so much was played."""
        self._answer += 1
        self._n_answer_bytes = round(played_s * SAMPLE_RATE_HZ)

    def add(self, ulaw: bytes) -> None:
        """Appends audio; an incomplete frame waits for the rest of it."""
        if (self._n_waiting_bytes + len(ulaw)) / SAMPLE_RATE_HZ > MAX_WAITING_S:
            self.dropped_s += len(ulaw) / SAMPLE_RATE_HZ
            return
        self._rest += ulaw
        n_whole = len(self._rest) // FRAME_BYTES * FRAME_BYTES
        for at in range(0, n_whole, FRAME_BYTES):
            self._waiting.append(bytes(self._rest[at : at + FRAME_BYTES]))
        del self._rest[:n_whole]
        self._n_waiting_bytes += n_whole
        self._n_answer_bytes += n_whole

    def finish(self) -> None:
        """Completes the last frame with silence."""
        if self._rest:
            self.add(_SILENCE * (FRAME_BYTES - len(self._rest)))

    def mark(self) -> None:
        """Appends a mark: it is about the whole frames before it."""
        self._n_marks += 1
        name = str(self._n_marks)
        self._waiting.append(name)
        _remember(self._marks, name, (self._answer, self._n_answer_bytes / SAMPLE_RATE_HZ))

    def take(self) -> bytes | str | None:
        """The frame (bytes) or the mark (its name) that is due; None if nothing is yet."""
        if not self._waiting or self._due_in_s() > 0:
            return None
        item = self._waiting.popleft()
        self._to_clear = True
        if isinstance(item, bytes):
            self._n_waiting_bytes -= len(item)
            self._plays_until_s = max(self._plays_until_s, self._clock()) + FRAME_S
        return item

    def wait_s(self) -> float | None:
        """How long nothing will be due; None: until something is added."""
        return max(0.0, self._due_in_s()) if self._waiting else None

    def clear(self) -> bool:
        """Drops everything.

        Returns:
            Whether a `clear` has to be sent, which has to happen before anything is taken.
        """
        for name in self._marks:
            _remember(self._cleared, name, None)
        self._marks.clear()
        self._waiting.clear()
        self._rest.clear()
        self._n_waiting_bytes = 0
        self._plays_until_s = 0.0
        to_clear, self._to_clear = self._to_clear, False
        return to_clear

    def returned(self, name: str) -> tuple[str, float | None]:
        """Takes note of a mark that came back.

        Returns:
            What that means (`played`, `cleared`, `unknown`), and how many seconds of the
            current answer have been played, if it tells that.
        """
        if name in self._cleared:
            del self._cleared[name]
            return "cleared", None
        if name not in self._marks:
            return "unknown", None
        answer, played_s = self._marks.pop(name)
        return "played", played_s if answer == self._answer else None

    def _due_in_s(self) -> float:
        if isinstance(self._waiting[0], str):
            return 0.0
        return self._plays_until_s + FRAME_S - LEAD_S - self._clock()


def _remember(marks: dict[str, T], name: str, value: T) -> None:
    """Forgets the oldest when there are too many."""
    marks[name] = value
    if len(marks) > _MAX_MARKS:
        del marks[next(iter(marks))]
