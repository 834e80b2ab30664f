"""What was sent and may have to be sent again."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from voice_agent.client.reconnecting.events import AudioDropped
from voice_agent.wire.common import ClientMessage


@dataclass(slots=True, kw_only=True, eq=False)
class Outgoing:
    """One frame for the service.

    Attributes:
        data: As it goes out.
        message: What it is, if it is not audio.
        start_s: The audio that was sent before it, over all sessions.
        duration_s: Of its own audio.
        number: Given by the outbox; the next frame has 1 more.
    """

    data: bytes | str
    message: ClientMessage | None = None
    start_s: float = 0.0
    duration_s: float = 0.0
    number: int = -1

    @property
    def end_s(self) -> float:
        """Where its audio ends."""
        return self.start_s + self.duration_s


def saying(message: ClientMessage, at_s: float = 0.0) -> Outgoing:
    """A message as a frame, after so much audio."""
    data = message.model_dump_json(exclude_none=True)
    return Outgoing(data=data, message=message, start_s=at_s)


@dataclass(slots=True, kw_only=True)
class _Gap:
    """Frames in a row that were dropped, and may have to be told as lost."""

    start_s: float
    written: bool
    end: int = 0  # the number after the last
    n_frames: int = 0
    duration_s: float = 0.0


class Outbox:
    """Frames in order: those that are kept although they were written, then the others.

    Only the oldest are ever dropped, so the numbers of those that are kept have no holes.

    Args:
        max_kept_s: Audio that is kept.
    """

    def __init__(self, *, max_kept_s: float) -> None:
        self._max_kept_s = max_kept_s
        self._frames: deque[Outgoing] = deque()
        self._kept_s = 0.0
        self._end_s = 0.0
        self._cursor = 0  # number of the frame to write next
        self._confirmed = 0  # frames below this number have been received
        self._strangers = 0  # numbers below `_confirmed` that this session never saw
        self._doubtful: deque[_Gap] = deque()  # dropped, not confirmed
        self.next_number = 0
        """What the next frame will have."""

    @property
    def unwritten(self) -> bool:
        """Whether something waits to be written."""
        return self._cursor < self.next_number

    @property
    def confirmed_s(self) -> float:
        """Audio that is known to have been received, over all sessions."""
        first = self._from(self._confirmed)
        return self._end_s if first is None else first.start_s

    @property
    def unconfirmed_s(self) -> float:
        """Audio that is not known to have been received."""
        return self._end_s - self.confirmed_s

    @property
    def first_audio(self) -> Outgoing | None:
        """The oldest frame with audio that is kept."""
        return next((frame for frame in self._frames if frame.message is None), None)

    def append(self, frame: Outgoing) -> None:
        """Takes a frame to be written."""
        frame.number = self.next_number
        self.next_number += 1
        self._frames.append(frame)
        self._kept_s += frame.duration_s
        self._end_s = frame.end_s

    def take(self) -> Outgoing | None:
        """The frame to write now, if there is one; it counts as written from now on."""
        frame = self._from(self._cursor)
        if frame is not None:
            self._cursor = frame.number + 1
        return frame

    def confirm(self, number: int) -> None:
        """The session has received all frames up to `number`."""
        self._confirmed = max(self._confirmed, number + 1)
        while self._doubtful and self._doubtful[0].end <= self._confirmed:
            self._doubtful.popleft()

    def forget(self, needless: Callable[[Outgoing], bool]) -> list[Outgoing]:
        """Drops the oldest frames as far as they were received and are `needless`."""
        dropped: list[Outgoing] = []
        while self._frames and self._frames[0].number < self._confirmed:
            if not needless(self._frames[0]):
                break
            dropped.append(self._pop())
        return dropped

    def squeeze(self, *, unwritten: bool) -> list[Outgoing]:
        """Drops the oldest frames while more audio is kept than may be.

        Args:
            unwritten: Also those that were never written; only while there is no connection.
        """
        dropped: list[Outgoing] = []
        while self._kept_s > self._max_kept_s:
            if not unwritten and self._frames[0].number >= self._cursor:
                break
            frame = self._pop()
            dropped.append(frame)
            if frame.number >= self._confirmed:
                self._doubt(frame, written=frame.number < self._cursor)
            self._cursor = max(self._cursor, frame.number + 1)
        return dropped

    def _doubt(self, frame: Outgoing, *, written: bool) -> None:
        last = self._doubtful[-1] if self._doubtful else None
        if last is None or last.written or written:
            last = _Gap(start_s=frame.start_s, written=written)
            self._doubtful.append(last)
        # all that was never written is lost together: a long absence is one gap
        last.end, last.n_frames = frame.number + 1, last.n_frames + 1
        last.duration_s += frame.duration_s

    def resume(self, n_received: int) -> AudioDropped | None:
        """Goes back to the first frame that the session has not received.

        Args:
            n_received: Frames that it has received.

        Returns:
            Audio that would have to be sent again and is kept no longer.
        """
        self.confirm(n_received + self._strangers - 1)
        lost = list(self._doubtful)
        n_lost = sum(gap.n_frames for gap in lost)
        self._cursor = n_received + self._strangers + n_lost
        self._strangers += n_lost
        self.confirm(self._cursor - 1)
        duration_s = sum(gap.duration_s for gap in lost)
        return AudioDropped(lost[0].start_s, duration_s) if duration_s else None

    def restart(
        self, opening: Iterable[Outgoing], keep: Callable[[Outgoing], bool]
    ) -> list[Outgoing]:
        """Begins another session: `opening` first, then the frames that `keep` is true for.

        Returns:
            The frames that are kept no longer.
        """
        frames, end_s = list(self._frames), self._end_s
        self._frames.clear()
        self._doubtful.clear()
        self._kept_s = 0.0
        self._confirmed = self._cursor = self._strangers = self.next_number
        dropped: list[Outgoing] = []
        for frame in opening:
            self.append(frame)
        for frame in frames:
            if keep(frame):
                self.append(frame)
            else:
                dropped.append(frame)
        self._end_s = end_s
        return dropped

    def _from(self, number: int) -> Outgoing | None:
        """The first kept frame from `number` on."""
        if not self._frames or number > self._frames[-1].number:
            return None
        return self._frames[max(0, number - self._frames[0].number)]

    def _pop(self) -> Outgoing:
        frame = self._frames.popleft()
        self._kept_s -= frame.duration_s
        return frame
