"""Which voices there are: in memory, and no older than the folder."""

import time
from collections.abc import Callable, Mapping

from voice_agent.voices.record import VoiceRecord
from voice_agent.voices.voice_store import VoiceStore

# File times come from a clock that ticks every few milliseconds: a folder that was changed
# as recently as this may have been changed again after it was read, at the same time.
_TICK_NS = 100_000_000


class VoiceIndex:
    """The records of a shelf. Looks at the folder's time at every call (2 µs), and reads
    it again when that has changed: what another process registers or deletes on the same
    disk is known at once.

    Args:
        shelf: Where the voices lie.
        clock_ns: Time as the file system counts it.
    """

    def __init__(self, shelf: VoiceStore, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._shelf = shelf
        self._clock_ns = clock_ns
        self._found: dict[str, VoiceRecord | None] = {}  # bounded by the shelf's `max_voices`
        self._by_id: dict[str, VoiceRecord] = {}
        self._changed_ns: int | None = None
        self._sure = False

    def records(self) -> Mapping[str, VoiceRecord]:
        """All voices by id.

        Raises:
            OSError: The folder cannot be read.
        """
        changed_ns = self._shelf.changed_ns()
        if not self._sure or changed_ns != self._changed_ns:
            self._read(changed_ns)
        return self._by_id

    def find(self, voice_id: str) -> VoiceRecord | None:
        """A voice, or None. Raises as `records`."""
        return self.records().get(voice_id)

    def _read(self, changed_ns: int | None) -> None:
        now_ns = self._clock_ns()
        self._found = self._shelf.scan(self._found)
        records = (record for record in self._found.values() if record is not None)
        self._by_id = {record.voice_id: record for record in records}
        self._changed_ns = changed_ns
        self._sure = changed_ns is None or changed_ns < now_ns - _TICK_NS
