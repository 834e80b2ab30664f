"""What the agent says, between the connection and the ear."""

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Player:
    """Audio that waits to be heard; written by the connection, read by the sound card.

    The sound card reads in a thread of its own, hence the lock.

    Args:
        rate_hz: Of all audio.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._waiting: deque[Samples] = deque()
        self._n_played = 0
        self._lock = threading.Lock()

    @property
    def played_ms(self) -> float:
        """How much of the current answer has been read."""
        return 1000 * self._n_played / self._rate_hz

    @property
    def busy(self) -> bool:
        """Whether something waits to be read."""
        return bool(self._waiting)

    def begin(self) -> None:
        """A new answer starts."""
        with self._lock:
            self._n_played = 0

    def add(self, samples: Samples) -> None:
        """Appends a piece of the answer."""
        if len(samples):
            with self._lock:
                self._waiting.append(samples)

    def clear(self) -> None:
        """Drops what has not been read."""
        with self._lock:
            self._waiting.clear()

    def take(self, n_samples: int) -> Samples:
        """The next samples; silence where there is nothing."""
        out = np.zeros(n_samples, np.float32)
        filled = 0
        with self._lock:
            while self._waiting and filled < n_samples:
                piece = self._waiting.popleft()
                n_now = min(len(piece), n_samples - filled)
                out[filled : filled + n_now] = piece[:n_now]
                filled += n_now
                if n_now < len(piece):
                    self._waiting.appendleft(piece[n_now:])
            self._n_played += filled
        return out
