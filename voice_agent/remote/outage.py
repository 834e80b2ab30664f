"""How long a service has been away from one session, and what is due because of it."""

import time
from collections.abc import Callable
from enum import Enum, auto


class Due(Enum):
    """What to do now."""

    NOTHING = auto()
    FILLER = auto()
    GIVE_UP = auto()


class Outage:
    """One service's absence from one session: values in, what is due out.

    Args:
        filler_after_s: Away for so long while somebody waits, a filler is due, once.
        give_up_s: Away for so long, it is given up.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        filler_after_s: float,
        give_up_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._filler_after_s = filler_after_s
        self._give_up_s = give_up_s
        self._clock = clock
        self._lost_s: float | None = None
        self._filled = False
        self._hopeless = False
        self.given_up = False
        """Whether `GIVE_UP` was due and it has not come back since."""

    @property
    def away(self) -> bool:
        """Whether it is away."""
        return self._lost_s is not None

    @property
    def away_s(self) -> float:
        """For how long it has been away; 0 if it is not."""
        return 0.0 if self._lost_s is None else self._clock() - self._lost_s

    def lost(self) -> bool:
        """Notes that it is away; whether that is news."""
        if self._lost_s is not None:
            return False
        self._lost_s, self._filled = self._clock(), False
        self.given_up = self._hopeless = False
        return True

    def restored(self) -> bool:
        """Notes that it is back; whether that is news."""
        news, self._lost_s, self.given_up = self.away, None, False
        return news

    def expire(self) -> None:
        """Notes that it is not tried any more: it is given up before its time."""
        self._hopeless = self.away

    def due(self, *, waiting: bool) -> Due:
        """What to do now; each thing is due once.

        Args:
            waiting: Somebody waits for the service, and would hear silence.
        """
        if self._lost_s is None or self.given_up:
            return Due.NOTHING
        if self._hopeless or self.away_s >= self._give_up_s:
            self.given_up = True
            return Due.GIVE_UP
        if waiting and not self._filled and self.away_s >= self._filler_after_s:
            self._filled = True
            return Due.FILLER
        return Due.NOTHING
