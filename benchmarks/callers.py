"""Callers in real time: clips with pauses between them, and what was said where and when."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.speech import Clip
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ

FRAME_S = 0.04
"""Of audio in a message, as a browser or a telephone gateway would send it."""
PAUSE_S = 3.0
"""Between two clips: long enough that a turn is over, and its text there."""
_TAIL_S = 5.0  # after the last clip: its text may take so long on a machine that is too small
_NOISE = 8  # the microphone's own, in int16 units: digital silence would flatter a detector


@dataclass(frozen=True, slots=True)
class Said:
    """A clip as a caller said it, with its place in the session's audio."""

    clip: Clip
    start_s: float

    @property
    def end_s(self) -> float:
        """Last sample of speech, in the session's audio."""
        return self.start_s + self.clip.speech_end_s


@dataclass(frozen=True, slots=True)
class Script:
    """What one caller says: int16 mono 16 kHz, and the clips in it."""

    audio: NDArray[np.int16]
    said: list[Said]

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.audio) / ASR_SAMPLE_RATE_HZ


def script(speech: Sequence[Clip], seed: int, *, rounds: int = 1) -> Script:
    """All clips, `rounds` times, each time in another order that depends on `seed`."""
    chance, noise = random.Random(seed), np.random.default_rng(seed)
    parts: list[NDArray[np.int16]] = []
    said: list[Said] = []
    at = 0
    for _ in range(rounds):
        for clip in chance.sample(list(speech), len(speech)):
            parts.append(np.zeros(int(PAUSE_S * ASR_SAMPLE_RATE_HZ), np.int16))
            at += len(parts[-1])
            said.append(Said(clip, at / ASR_SAMPLE_RATE_HZ))
            parts.append(clip.samples)
            at += len(clip.samples)
    parts.append(np.zeros(int(_TAIL_S * ASR_SAMPLE_RATE_HZ), np.int16))
    sound = np.concatenate(parts).astype(np.int32)
    sound += noise.integers(-_NOISE, _NOISE, len(sound))
    return Script(np.clip(sound, -32768, 32767).astype(np.int16), said)


@dataclass(slots=True)
class Microphone:
    """Gives a script's audio at the pace of speech.

    Attributes:
        script: What is said.
        started_s: When its first sample was due (monotonic); 0 before.
        late_s: How late the load itself was, at worst; above 0.1 it is not to be trusted.
    """

    script: Script
    started_s: float = 0.0
    late_s: float = field(default=0.0)

    async def frames(self) -> AsyncIterator[bytes]:
        """The audio in frames, each when its last sample has been spoken."""
        step = int(FRAME_S * ASR_SAMPLE_RATE_HZ)
        self.started_s = time.monotonic()
        for first in range(0, len(self.script.audio), step):
            frame = self.script.audio[first : first + step]
            wait_s = self.started_s + (first + len(frame)) / ASR_SAMPLE_RATE_HZ - time.monotonic()
            self.late_s = max(self.late_s, -wait_s)
            await asyncio.sleep(max(0.0, wait_s))
            yield frame.tobytes()

    def ends_s(self) -> list[float]:
        """When the last word of each clip was spoken (monotonic)."""
        return [self.started_s + said.end_s for said in self.script.said]
