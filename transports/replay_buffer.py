"""What was sent to a client, as long as it may have to be sent again."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# Messages are small, most have some hundred bytes: 2 MiB of them, and more than 30 s of any
# session has.
_MAX_MESSAGES = 4096
# of a message, beside its text: the objects that hold it
_OVERHEAD_BYTES = 400


@dataclass(frozen=True, slots=True)
class Sent:
    """A message and its binary frame.

    Attributes:
        seq: Its number.
        text: As it goes over the wire.
        payload: The binary frame that follows it, or nothing.
        audio_before_s: All audio before it.
        at_s: When it was taken.
    """

    seq: int
    text: str
    payload: bytes
    audio_before_s: float
    at_s: float

    @property
    def n_bytes(self) -> int:
        """What it costs to keep it."""
        return len(self.text) + len(self.payload) + _OVERHEAD_BYTES


class ReplayBuffer:
    """The last messages of a session, in order and without holes.

    What was written may still be lost: it lies in the buffers of both kernels and of what is
    between them until the client has read it. So it is kept for as long as a session waits
    for its client, and no longer, and as far as the bounds allow.

    Args:
        max_bytes: Messages are kept as long as all together have no more. The newest one is
            kept whatever it has.
        max_age_s: And as long as they are not older.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._clock = clock
        self._kept: deque[Sent] = deque()
        self._n_bytes = 0
        self._audio_s = 0.0
        self.last_seq = 0
        """Number of the newest message."""

    @property
    def full(self) -> bool:
        """Whether something has to be dropped before more can be kept."""
        return self._n_bytes >= self._max_bytes or len(self._kept) >= _MAX_MESSAGES

    def append(self, text: str, payload: bytes = b"", audio_s: float = 0.0) -> None:
        """Takes a message and numbers it.

        Args:
            text: A JSON object.
            payload: The binary frame that follows it.
            audio_s: How much audio that is.
        """
        self.last_seq += 1
        sent = Sent(
            self.last_seq,
            f'{text[:-1]},"seq":{self.last_seq}}}',
            payload,
            self._audio_s,
            self._clock(),
        )
        self._audio_s += audio_s
        self._kept.append(sent)
        self._n_bytes += sent.n_bytes

    def after(self, seq: int) -> Sent | None:
        """The message that follows number `seq`; None if there is none yet."""
        if seq >= self.last_seq:
            return None
        return self._kept[seq + 1 - self._kept[0].seq]

    def reaches(self, seq: int) -> bool:
        """Whether all that came after number `seq` is still kept."""
        first = self._kept[0].seq if self._kept else self.last_seq + 1
        return first - 1 <= seq <= self.last_seq

    def audio_after_s(self, seq: int) -> float:
        """Audio of what came after number `seq`, which has to be kept."""
        following = self.after(seq)
        return 0.0 if following is None else self._audio_s - following.audio_before_s

    def trim(self, written_seq: int) -> None:
        """Drops what is too old or too much, of what has been written."""
        oldest_s = self._clock() - self._max_age_s
        while self._kept and self._kept[0].seq <= written_seq:
            alone = len(self._kept) == 1
            too_much = not alone and (
                self._n_bytes > self._max_bytes or len(self._kept) > _MAX_MESSAGES
            )
            if not too_much and self._kept[0].at_s > oldest_s:
                break
            self._n_bytes -= self._kept.popleft().n_bytes

    def clear(self) -> None:
        """Drops everything: nobody comes back."""
        self._kept.clear()
        self._n_bytes = 0
