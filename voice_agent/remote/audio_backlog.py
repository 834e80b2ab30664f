"""What a caller says while there is no session to say it to."""

from collections import deque

_BYTES_PER_S = 32_000  # int16, 16 kHz, mono


class AudioBacklog:
    """The last stretch of a session's audio, int16 mono at 16 kHz; the oldest is dropped.

    Args:
        max_s: How much is kept.
    """

    def __init__(self, *, max_s: float) -> None:
        self._max_bytes = int(max_s * _BYTES_PER_S)
        self._pieces: deque[bytes] = deque()
        self._n_bytes = 0
        self._end_bytes = 0

    @property
    def start_s(self) -> float:
        """Where the kept audio begins, in seconds of all audio."""
        return (self._end_bytes - self._n_bytes) / _BYTES_PER_S

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self._end_bytes / _BYTES_PER_S

    def add(self, audio: bytes) -> None:
        """Adds audio at the end."""
        self._pieces.append(audio)
        self._n_bytes += len(audio)
        self._end_bytes += len(audio)
        while self._n_bytes > self._max_bytes:
            self._n_bytes -= len(self._pieces.popleft())

    def passed(self, audio: bytes) -> None:
        """Notes audio that went on at once: nothing is kept then."""
        self._end_bytes += len(audio)

    def next(self) -> bytes | None:
        """Takes the oldest piece; None if nothing is left."""
        if not self._pieces:
            return None
        piece = self._pieces.popleft()
        self._n_bytes -= len(piece)
        return piece
