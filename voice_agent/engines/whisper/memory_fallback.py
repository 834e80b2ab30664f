"""What fits in memory: how many windows run together, and which model does the work."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from voice_agent.engines.whisper.model import AUTO, Window
from voice_agent.engines.whisper.temperature_fallback import Decoder

_AVOID_S = 60.0  # a model that did not fit is tried again after this
_GOOD_BATCHES = 50  # then the batch limit grows back by one
_OUT_OF_MEMORY = ("out of memory", "ALLOC_FAILED")  # CUDA; cuBLAS and cuDNN


class MemoryFallback:
    """Learns from batches that did not fit.

    Args:
        max_batch: Windows that may run together while all is well.
        clock: Seconds, monotonic.
    """

    def __init__(self, max_batch: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_batch = max_batch
        self._clock = clock
        self._good_batches = 0
        self._avoided_until_s: dict[str, float] = {}
        self.batch_limit = max_batch
        """Windows that may run together now."""

    def fitted(self) -> None:
        """A batch came through."""
        self._good_batches += 1
        if self.batch_limit < self._max_batch and self._good_batches >= _GOOD_BATCHES:
            self._good_batches = 0
            self.batch_limit += 1

    def too_many(self, n_windows: int) -> None:
        """So many windows, two or more, did not fit: half as many may run from now on."""
        self.batch_limit = min(self.batch_limit, n_windows // 2)
        self._good_batches = 0

    def avoid(self, name: str) -> None:
        """A model did not fit with a single window."""
        self._avoided_until_s[name] = self._clock() + _AVOID_S

    def avoided(self, names: Iterable[str]) -> list[str]:
        """Those of the models that did not fit lately."""
        return [name for name in names if self._avoided_until_s.get(name, 0.0) > self._clock()]

    def stand_in(
        self, name: str, models: Mapping[str, Decoder], windows: Sequence[Window] = ()
    ) -> str:
        """The model itself, or while it does not fit the largest smaller one that does.

        Args:
            name: What was asked for.
            models: All that are loaded.
            windows: What it has to understand.
        """
        if not self.avoided([name]):
            return name
        return self.smaller(name, models, windows) or name

    def smaller(self, name: str, models: Mapping[str, Decoder], windows: Sequence[Window]) -> str:
        """The largest smaller model that can do the same and is not avoided, or nothing."""
        avoided = self.avoided(models)
        found = [
            model
            for model in models.values()
            if model.size_bytes < models[name].size_bytes
            and model.name not in avoided
            and all(_understands(model, models[name], window.language) for window in windows)
        ]
        return max(found, key=lambda model: model.size_bytes).name if found else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a batch failed because it was too large."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in _OUT_OF_MEMORY)


def _understands(model: Decoder, wanted: Decoder, language: str) -> bool:
    if language == AUTO:  # a model of one language would take everything for that
        return len(model.languages) > 1 or len(wanted.languages) == 1
    return language in model.languages
