"""Just enough of Ogg to know whether a stream was cut."""


class OggPages:
    """Follows Ogg's pages to tell whether a stream ends inside one."""

    def __init__(self) -> None:
        self._head = b""
        self._left_bytes = 0
        self._lost = False

    @property
    def cut(self) -> bool:
        """The bytes so far end inside a page."""
        return not self._lost and bool(self._head or self._left_bytes)

    def push(self, data: bytes) -> None:
        """Takes the next bytes; once they are out of step it stops following."""
        while data and not self._lost:
            skipped = min(self._left_bytes, len(data))
            self._left_bytes -= skipped
            data = data[skipped:]
            wanted = 27 if len(self._head) < 27 else 27 + self._head[26]
            taken = wanted - len(self._head) if not self._left_bytes else 0
            self._head += data[:taken]
            data = data[taken:]
            self._lost = not b"OggS".startswith(self._head[:4])
            if len(self._head) >= 27 and len(self._head) == 27 + self._head[26]:
                self._left_bytes = sum(self._head[27:])
                self._head = b""
