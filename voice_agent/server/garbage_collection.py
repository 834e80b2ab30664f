"""Memory of sessions that are over: frames, tasks and audio that hold each other.

Python looks for such cycles when enough objects have come, and at old ones hardly ever; here
even more seldom (`run.py`), because looking stops every session. So it is done when it is
worth it.
"""

import asyncio
import gc
from typing import Protocol


class Ending(Protocol):
    """What knows how many sessions have ended."""

    @property
    def n_ended(self) -> int:
        """Since the start."""
        ...


def spare_what_stays() -> None:
    """Call when all is loaded: what is there by now lives for ever, nobody looks at it again."""
    gc.collect()
    gc.freeze()


async def free_ended(sessions: Ending, every_s: float = 10.0) -> None:
    """Frees for ever what ended sessions have left, soon after them.

    Args:
        sessions: Whether any have ended.
        every_s: At most this often: it stops all sessions for about ten milliseconds.
    """
    looked_at = 0
    while True:
        await asyncio.sleep(every_s)
        if sessions.n_ended > looked_at:
            looked_at = sessions.n_ended
            gc.collect()
