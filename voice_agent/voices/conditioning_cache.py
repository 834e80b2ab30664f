"""The conditioning of the voices that were used last."""

from collections import OrderedDict

from voice_agent.engines.base import Conditioning
from voice_agent.voices.conditioning_file import n_bytes_of


class ConditioningCache:
    """Holds so many bytes; what was not used for longest goes first.

    A job keeps what it was given, so memory can go over the bound by the voices that are
    speaking just now.

    Args:
        max_bytes: One voice stays even if it alone has more.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Conditioning] = OrderedDict()
        self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """Held now."""
        return self._n_bytes

    def get(self, key: str) -> Conditioning | None:
        """What is held under a key, which counts as used."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: str, conditioning: Conditioning) -> None:
        """Holds it as the one used last."""
        self.drop(key)
        self._kept[key] = conditioning
        self._n_bytes += n_bytes_of(conditioning)
        while self._n_bytes > self._max_bytes and len(self._kept) > 1:
            self.drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        """Forgets a key, if it is there."""
        conditioning = self._kept.pop(key, None)
        if conditioning is not None:
            self._n_bytes -= n_bytes_of(conditioning)
