"""Sessions that speak in real time and pause: a load without a service."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from benchmarks.utterances import seconds
from voice_agent.engines.base import Samples

_PAUSE_S = (2.0, 4.0)  # least and most between two utterances of a speaker

Final = Callable[[int, Samples], Awaitable[str]]
"""Makes a final of a session's utterance."""
Speaking = Callable[[int, Samples, float], Coroutine[None, None, None]]
"""What a session does while it speaks an utterance that began at a time; cancelled at its end."""


@dataclass
class Finals:
    """What came back.

    Attributes:
        texts: Of every final.
        latencies_s: From the end of the utterance, or from when it was handed in.
        audio_s: Speech in all of them.
    """

    texts: list[str] = field(default_factory=list[str])
    latencies_s: list[float] = field(default_factory=list[float])
    audio_s: float = 0.0

    def add(self, samples: Samples, text: str, ended_s: float) -> None:
        """Takes a final that came now; `ended_s` on the clock of `time.monotonic`."""
        self.texts.append(text)
        self.latencies_s.append(time.monotonic() - ended_s)
        self.audio_s += seconds(samples)


async def paced(
    final: Final,
    utterances: Sequence[Samples],
    *,
    n_sessions: int,
    duration_s: float,
    speaking: Speaking | None = None,
) -> Finals:
    """Each session speaks an utterance in real time, waits for its final, and pauses.

    An utterance that would end after `duration_s` is not begun.
    """
    finals = Finals()
    started_s = time.monotonic()

    async def session(index: int) -> None:
        chance = random.Random(index)
        begin_s = started_s + chance.uniform(0, _PAUSE_S[1])
        while True:
            samples = chance.choice(utterances)
            # from when it should have ended: a loop that is late is part of the latency
            end_s = begin_s + seconds(samples)
            if end_s > started_s + duration_s:
                return
            await _until(begin_s)
            if speaking is not None:
                await _beside(speaking(index, samples, begin_s), end_s)
            await _until(end_s)
            finals.add(samples, await final(index, samples), end_s)
            begin_s = time.monotonic() + chance.uniform(*_PAUSE_S)

    await asyncio.gather(*(session(index) for index in range(n_sessions)))
    return finals


async def _beside(speaking: Coroutine[None, None, None], end_s: float) -> None:
    """Runs it until the utterance ends; what it waits for then is not wanted any more."""
    task = asyncio.create_task(speaking)
    await _until(end_s)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _until(time_s: float) -> None:
    await asyncio.sleep(max(0.0, time_s - time.monotonic()))
