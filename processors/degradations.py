"""Telling a client what works less well, and when it is over."""

from collections.abc import Mapping

from voice_agent.wire.common import Degraded, Restored


class Degradations:
    """What one client has been told."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def changes(self, degraded: Mapping[str, str]) -> list[Degraded | Restored]:
        """What to tell now, given what is degraded and why."""
        new = [(what, why) for what, why in degraded.items() if self._told.get(what) != why]
        over = [what for what in self._told if what not in degraded]
        self._told = dict(degraded)
        return [
            *(Degraded(what=what, reason=why) for what, why in new),
            *(Restored(what=what) for what in over),
        ]
