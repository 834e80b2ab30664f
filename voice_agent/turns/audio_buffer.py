"""The last stretch of a session's audio, addressed by sample number."""

import numpy as np
from numpy.typing import NDArray


class AudioBuffer:
    """A growing stretch of float32 samples that forgets from the front.

    Positions are sample numbers since the session's first sample. Slices are views and
    stay valid: written samples are never overwritten in place.
    """

    def __init__(self) -> None:
        self._samples: NDArray[np.float32] = np.empty(16_384, np.float32)
        self._used = 0
        self.start = 0
        """First sample that is still held."""

    @property
    def end(self) -> int:
        """One past the last sample."""
        return self.start + self._used

    def append(self, samples: NDArray[np.float32]) -> None:
        """Adds samples at the end."""
        needed = self._used + len(samples)
        if needed > len(self._samples):
            grown = np.empty(max(needed, 2 * self._used), np.float32)
            grown[: self._used] = self._samples[: self._used]
            self._samples = grown
        self._samples[self._used : needed] = samples
        self._used = needed

    def slice(self, start: int, end: int) -> NDArray[np.float32]:
        """Samples from `start` to `end`, as far as they are held."""
        first = max(start, self.start) - self.start
        return self._samples[first : max(first, min(end, self.end) - self.start)]

    def forget_before(self, position: int) -> None:
        """Lets go of samples before `position`; cheap to call for every frame."""
        surplus = position - self.start
        # copying only when half is surplus makes it constant work a sample
        if surplus <= 0 or surplus < len(self._samples) // 2:
            return
        surplus = min(surplus, self._used)
        kept = self._samples[surplus : self._used]
        self._samples = np.empty(max(16_384, 2 * len(kept)), np.float32)
        self._samples[: len(kept)] = kept
        self._used = len(kept)
        self.start += surplus
