"""What a telephone has been sent and not played yet, as Twilio keeps it."""

from collections import deque

# what Twilio keeps of an answer; it drops what comes beyond that (its warning 31931)
_MAX_BYTES = 600 * 8_000
_SILENCE = b"\xff"


class CallListener:
    """Audio and marks in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[bytes | str] = deque()
        self._n_bytes = 0

    @property
    def busy(self) -> bool:
        """Whether something waits to be heard."""
        return bool(self._waiting)

    def add(self, ulaw: bytes) -> bool:
        """Takes audio; False if there is no room for it."""
        if self._n_bytes + len(ulaw) > _MAX_BYTES:
            return False
        self._waiting.append(ulaw)
        self._n_bytes += len(ulaw)
        return True

    def mark(self, name: str) -> bool:
        """Takes a mark; True if all before it has been played, and it comes back now."""
        if self._waiting:
            self._waiting.append(name)
            return False
        return True

    def clear(self) -> list[str]:
        """Drops what was not played; returns the marks that come back because of it."""
        names = [item for item in self._waiting if isinstance(item, str)]
        self._waiting.clear()
        self._n_bytes = 0
        return names

    def hear(self, n_bytes: int) -> tuple[bytes, list[str]]:
        """The next audio, silence where there is none, and the marks that are passed."""
        heard = bytearray()
        names: list[str] = []
        while self._waiting:
            item = self._waiting[0]
            if isinstance(item, str):
                names.append(item)
                self._waiting.popleft()
                continue
            if len(heard) == n_bytes:
                break
            self._waiting.popleft()
            n_now = min(len(item), n_bytes - len(heard))
            heard += item[:n_now]
            self._n_bytes -= n_now
            if n_now < len(item):
                self._waiting.appendleft(item[n_now:])
        return bytes(heard).ljust(n_bytes, _SILENCE), names
