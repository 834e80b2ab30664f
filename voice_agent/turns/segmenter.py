"""Speech segments from speech probabilities, counted in windows of audio."""

from collections import deque
from dataclasses import dataclass

_FLOOR_WINDOWS = 62  # 2 s
_FLOOR_WIDTH = 3
SUSPECTED_ABOVE = 0.25
"""Windows that may have been speech when somebody says that there was some (`cut`)."""
_SUSPECTED_WINDOWS = 3
SPEECH_GOES_ON_ABOVE = 0.5
"""Probability from which a window still is speech. On real recordings, lower than the one
above cuts fewer sentences in two (1.16 segments a clip instead of 1.26) and tells of their
ends 16 ms later at the median, no later at the 95th percentile."""
PAUSE_WINDOWS = 4
"""Windows without speech that are likely to become a pause: 22 of 26 did."""


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    """Speech began with this sample; known `start_windows` later."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """Speech ended before this sample; known `stop_windows` later."""

    at_sample: int


SegmentEvent = SegmentStarted | SegmentEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRule:
    """What begins a segment: windows in a row that stand out, or more that are clear.

    Measured on single words over a telephone against music and noises, see
    benchmarks/results/vad.md: with 0.7 and six windows alone one word in seven is missed. A
    word at -38 dBFS is 27 dB above a quiet line; music and a street rarely are 15 above
    themselves.

    Attributes:
        above: Probability of each window.
        windows: How many in a row.
        rise_db: By how much the loudest of them is above the quietest 100 ms of the last 2 s.
        clear_above: Probability that is speech however loud the surroundings are.
        clear_windows: How many of these in a row.
    """

    above: float = 0.4
    windows: int = 4
    rise_db: float = 15.0
    clear_above: float = 0.7
    clear_windows: int = 6


_START = StartRule()


class Segmenter:
    """Turns a stream of window probabilities into alternating starts and ends.

    Args:
        window_samples: Samples of one window.
        stop_windows: Windows without speech in a row that end a segment.
        start: What begins one.
        keep_windows: How many past probabilities `quietest` can look at.
    """

    def __init__(
        self,
        *,
        window_samples: int = 512,
        stop_windows: int = 6,
        start: StartRule = _START,
        keep_windows: int = 400,
    ) -> None:
        self._window_samples = window_samples
        self._stop_windows = stop_windows
        self._start = start
        self._recent: deque[float] = deque(maxlen=keep_windows)
        self._windows = 0  # windows seen since the session began
        self._levels: deque[float] = deque(maxlen=_FLOOR_WINDOWS)
        self._floor_db: float | None = None  # before the run
        self._loudest_db: float | None = None  # within the run
        self._clear_run = 0
        self._unheard = 0  # windows since the last segment
        self._run = 0  # windows in a row that speak against the present state
        self.speaking = False

    @property
    def quiet(self) -> bool:
        """No segment is open and none is beginning."""
        return not self.speaking and self._run == 0

    @property
    def pausing(self) -> bool:
        """A segment is open, and speech has been missing for long enough to end it soon."""
        return self.speaking and self._run >= PAUSE_WINDOWS

    @property
    def changing_since(self) -> int:
        """Sample where the windows begin that speak against the present state."""
        return (self._windows - self._run) * self._window_samples

    def feed(self, probability: float, loudness_db: float | None = None) -> SegmentEvent | None:
        """Takes the next window; returns what it decides, if anything.

        Args:
            probability: That it is speech.
            loudness_db: Its level; None if unknown, then every speech stands out.
        """
        self._recent.append(probability)
        self._windows += 1
        self._unheard += 1
        if self.speaking:
            self._run = 0 if probability >= SPEECH_GOES_ON_ABOVE else self._run + 1
        else:
            self._follow(probability, loudness_db)
        if loudness_db is not None:
            self._levels.append(loudness_db)
        if self.speaking and self._run >= self._stop_windows:
            return self._flip(SegmentEnded)
        if not self.speaking and self._begins():
            return self._flip(SegmentStarted)
        return None

    def _follow(self, probability: float, loudness_db: float | None) -> None:
        self._run = self._run + 1 if probability >= self._start.above else 0
        self._clear_run = self._clear_run + 1 if probability >= self._start.clear_above else 0
        if self._run == 1:
            self._floor_db, self._loudest_db = self._floor(), None
        if self._run and loudness_db is not None:
            before_db = loudness_db if self._loudest_db is None else self._loudest_db
            self._loudest_db = max(loudness_db, before_db)

    def _floor(self) -> float | None:
        levels = list(self._levels)
        if len(levels) < _FLOOR_WIDTH:
            return None
        starts = range(len(levels) - _FLOOR_WIDTH + 1)
        return min(sum(levels[n : n + _FLOOR_WIDTH]) for n in starts) / _FLOOR_WIDTH

    def _begins(self) -> bool:
        if self._clear_run >= self._start.clear_windows:
            return True
        if self._floor_db is None or self._loudest_db is None:
            stands_out = True  # nothing to compare with
        else:
            stands_out = self._loudest_db - self._floor_db >= self._start.rise_db
        return self._run >= self._start.windows and stands_out

    def cut(self, *, suspect: bool = False) -> list[SegmentEvent]:
        """Ends what is open now, as when the client says that the turn is over.

        A segment that was about to begin (at least two windows of speech) is begun and
        ended, so that a short word just before the cut is not lost.

        Args:
            suspect: So is what may have been speech since the last segment, as far as the
                last probabilities go back: the client knows that there was some.
        """
        events: list[SegmentEvent] = []
        if not self.speaking and self._run >= 2:
            events.append(self._flip(SegmentStarted))
        elif not self.speaking and suspect:
            events += self._suspected()
        if self.speaking:
            events.append(SegmentEnded(self._windows * self._window_samples))
            self.speaking = False
            self._unheard = 0
        self._run = self._clear_run = 0
        return events

    def _suspected(self) -> list[SegmentEvent]:
        recent = list(self._recent)[-self._unheard :] if self._unheard else []
        found = [n for n, probability in enumerate(recent) if probability >= SUSPECTED_ABOVE]
        if len(found) < _SUSPECTED_WINDOWS:
            return []
        self.speaking = True
        first = self._windows - len(recent) + found[0]
        return [SegmentStarted(first * self._window_samples)]

    def quietest(self, last_windows: int) -> int:
        """Sample in the middle of the least speech-like 100 ms of the last windows."""
        recent = list(self._recent)[-last_windows:]
        width = min(3, len(recent))
        sums = [sum(recent[i : i + width]) for i in range(len(recent) - width + 1)]
        best = min(range(len(sums)), key=sums.__getitem__)
        first = self._windows - len(recent)
        return (first + best) * self._window_samples + width * self._window_samples // 2

    def _flip(self, event: type[SegmentStarted] | type[SegmentEnded]) -> SegmentEvent:
        at_sample = self.changing_since
        self.speaking = event is SegmentStarted
        self._run = self._clear_run = self._unheard = 0
        return event(at_sample)
