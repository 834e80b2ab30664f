"""Callers in real time: each speaks clips with pauses and notes when it hears of their end."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.speech import Clip
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ

FRAME_S = 0.02
_GAP_S = (1.5, 2.5)  # least and most silence between two clips
# the microphone's own noise, in int16 units: digital silence would flatter the detector
_NOISE = 8
# a `speech_end` that comes later than this after the clip's end belongs to something else
_MATCH_S = 3.0


@dataclass
class Caller:
    """One session and what it saw.

    Attributes:
        latencies_s: From each clip's last speech sample to the last `speech_end` before
            the next clip.
        missed: Clips without any.
        late_s: How late the load itself was, at worst; above 0.1 the load is not to be
            trusted.
    """

    clips: list[Clip]
    seed: int
    latencies_s: list[float] = field(default_factory=list[float])
    missed: int = 0
    late_s: float = 0.0
    errors: int = 0

    async def call(self, url: str, seconds: float) -> None:
        """Speaks for `seconds`."""
        chance = random.Random(self.seed)
        audio, ends_s = self._script(chance, seconds)
        heard_s: list[float] = []
        await asyncio.sleep(chance.uniform(0, 1))
        try:
            socket = await connect(url, max_size=None, compression=None)
        except (OSError, TimeoutError):
            self.missed, self.errors = len(ends_s), 1  # a server that is too busy to answer
            return
        async with socket:
            await socket.recv()
            reader = asyncio.create_task(self._read(socket, heard_s))
            started_s = time.monotonic()
            step = int(FRAME_S * ASR_SAMPLE_RATE_HZ)
            for first in range(0, len(audio) - step, step):
                due_s = started_s + (first + step) / ASR_SAMPLE_RATE_HZ
                wait_s = due_s - time.monotonic()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                self.late_s = max(self.late_s, -wait_s)
                await socket.send(audio[first : first + step].tobytes())
            reader.cancel()
        self._match([started_s + end_s for end_s in ends_s], heard_s)

    def _script(
        self, chance: random.Random, seconds: float
    ) -> tuple[np.ndarray[tuple[int], np.dtype[np.int16]], list[float]]:
        noise = np.random.default_rng(self.seed)
        audio = noise.integers(-_NOISE, _NOISE, int(seconds * ASR_SAMPLE_RATE_HZ), np.int16)
        at_s, ends_s = chance.uniform(*_GAP_S), []
        while True:
            clip = chance.choice(self.clips)
            if at_s + clip.seconds + _MATCH_S > seconds:
                return audio, ends_s
            first = int(at_s * ASR_SAMPLE_RATE_HZ)
            place = audio[first : first + len(clip.samples)]
            np.copyto(
                place, np.clip(place + clip.samples.astype(np.int32), -32768, 32767), "unsafe"
            )
            ends_s.append(at_s + clip.speech_end_s)
            at_s += clip.seconds + chance.uniform(*_GAP_S)

    async def _read(self, socket: ClientConnection, heard_s: list[float]) -> None:
        async for message in socket:
            now_s = time.monotonic()
            kind = json.loads(message).get("type")
            if kind == "speech_end":
                heard_s.append(now_s)
            elif kind == "error":
                self.errors += 1

    def _match(self, ends_s: list[float], heard_s: list[float]) -> None:
        for end_s, next_s in pairwise([*ends_s, float("inf")]):
            # the end of the clip may be heard a little early: its last breath is no speech
            near = [t for t in heard_s if end_s - 0.1 < t < min(end_s + _MATCH_S, next_s - 0.5)]
            if near:
                self.latencies_s.append(near[0] - end_s)
            else:
                self.missed += 1
