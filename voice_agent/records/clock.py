"""The clock of a session, on which both sides lie."""

from collections import deque
from collections.abc import Callable

# Audio that comes later than this did not exist: a muted microphone. Less is a slow network.
_TOLERATED_S = 0.25
# A final is about the last half minute; older gaps are of no use.
_MAX_GAPS = 256


class SessionClock:
    """Time of a session in samples, from what its caller sends and the clock on the wall.

    It goes on in real time, and also with audio that comes faster than that: a question is
    before its answer even when it was uploaded as a file.

    Args:
        clock: Seconds, monotonic.
        rate_hz: Of the caller's audio, and of all positions.
    """

    def __init__(self, clock: Callable[[], float], rate_hz: int) -> None:
        self._clock = clock
        self._rate_hz = rate_hz
        self._begun_s = clock()
        self._ahead = 0  # samples that came faster than in real time
        self._n_audio = 0
        # where silence was put in: how much audio was before it, and the position after it
        self._gaps: deque[tuple[int, int]] = deque([(0, 0)], _MAX_GAPS)
        self.heard_to = 0
        """Where the caller's audio ends, in samples."""

    @property
    def now(self) -> int:
        """The position of now, in samples."""
        wall = round((self._clock() - self._begun_s) * self._rate_hz)
        return max(wall + self._ahead, self.heard_to)

    @property
    def now_s(self) -> float:
        """The same in seconds."""
        return self.now / self._rate_hz

    def hear(self, n_samples: int) -> int:
        """Takes note of audio that came now; 0 samples tell that nothing came.

        Returns:
            Samples of silence that belong before it.
        """
        missing = self.now - n_samples - self.heard_to
        if missing < _TOLERATED_S * self._rate_hz:
            missing = 0
        self.heard_to += missing + n_samples
        self._n_audio += n_samples
        if missing:
            self._gaps.append((self._n_audio - n_samples, self.heard_to - n_samples))
        wall = round((self._clock() - self._begun_s) * self._rate_hz)
        self._ahead = max(self._ahead, self.heard_to - wall)
        return missing

    def at_s(self, audio_s: float) -> float:
        """Where a moment of the caller's audio lies, in seconds of the session."""
        sample = round(audio_s * self._rate_hz)
        audio, position = self._gaps[0]
        for gap_audio, gap_position in self._gaps:
            if gap_audio > sample:
                break
            audio, position = gap_audio, gap_position
        return (position + sample - audio) / self._rate_hz
