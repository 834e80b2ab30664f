"""Both sides of a conversation in one sound: the caller left, the agent right."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from voice_agent.records.clock import SessionClock


class StereoMix:
    """Puts what is said and what is played where it belongs in time.

    The agent's audio lies where it is heard: from when it was sent, or after what was sent
    before. What waits to be played is dropped by `clear`, and is not in the sound.

    Args:
        clock: Of the session; whoever has this lets nobody else tell it of audio.
    """

    def __init__(self, clock: SessionClock) -> None:
        self._clock = clock
        self._caller: list[NDArray[np.int16]] = []
        self._agent: deque[tuple[int, NDArray[np.int16]]] = deque()
        self._played_to = 0
        self._taken = 0

    def hear(self, samples: NDArray[np.int16]) -> None:
        """The caller's audio, as it comes."""
        if missing := self._clock.hear(len(samples)):
            self._caller.append(np.zeros(missing, np.int16))
        self._caller.append(samples)

    def speak(self, samples: NDArray[np.int16]) -> None:
        """The agent's audio, as it is sent."""
        start = max(self._played_to, self._clock.now)
        self._agent.append((start, samples))
        self._played_to = start + len(samples)

    def clear(self) -> None:
        """Drops what was not played."""
        now = self._clock.now
        while self._agent and self._agent[-1][0] >= now:
            self._agent.pop()
        if self._agent:
            start, samples = self._agent[-1]
            self._agent[-1] = (start, samples[: now - start])
        self._played_to = min(self._played_to, now)

    def take(self) -> NDArray[np.int16]:
        """All that cannot change any more and was not taken: an array of (n, 2)."""
        if missing := self._clock.hear(0):
            self._caller.append(np.zeros(missing, np.int16))
        caller = np.concatenate([np.zeros(0, np.int16), *self._caller])
        self._caller.clear()
        stereo = np.stack([caller, np.zeros_like(caller)], axis=1)
        start, end = self._taken, self._taken + len(caller)
        for at, samples in self._agent:
            first, last = max(at, start), min(at + len(samples), end)
            if first < last:
                stereo[first - start : last - start, 1] = samples[first - at : last - at]
        while self._agent and self._agent[0][0] + len(self._agent[0][1]) <= end:
            self._agent.popleft()
        self._taken = end
        return stereo
