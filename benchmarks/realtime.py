"""Real-time sessions against a server in a process of its own: what they saw, what it cost."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import psutil
from websockets.exceptions import WebSocketException

from benchmarks.callers import Microphone, Script, script
from benchmarks.processes import cpu_s, memory_mb
from benchmarks.rows import quantile
from benchmarks.settling import Shown, completed_s
from benchmarks.speech import Clip
from benchmarks.words import Heard, word_error_rate
from voice_agent.errors import VoiceAgentError

Session = Callable[[Microphone, list[Shown]], Awaitable[None]]
"""Speaks one script, and adds what is shown as it comes."""
FAILURES = (OSError, RuntimeError, ExceptionGroup, VoiceAgentError, WebSocketException)
"""What ends a session that cannot go on (a TimeoutError is an OSError)."""
_STAGGER_S = 5.0  # callers begin within this time: not all at once, as nobody does
_SAMPLE_EVERY_S = 2.0
_PATIENCE_S = 120.0  # after the last audio, for what is due


@dataclass(slots=True)
class Load:
    """What came of it.

    Attributes:
        microphones: One a session.
        shown: The same sessions: what they saw, until they failed if they did.
        failures: Why sessions failed.
        seconds: How long it took.
        cpu_s: Of the server.
        own_cpu_s: Of the load generator, this process.
        memory: Minutes since the beginning, and MB.
    """

    microphones: list[Microphone]
    shown: list[list[Shown]]
    failures: list[str] = field(default_factory=list[str])
    seconds: float = 0.0
    cpu_s: float = 0.0
    own_cpu_s: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    @property
    def completions_s(self) -> list[float | None]:
        """For each utterance, from its last word to all of its text settled; None: unheard."""
        return completions_s(self.microphones, self.shown)

    @property
    def heard(self) -> list[Heard]:
        """One a session: all that was said, and all that was settled in the end."""
        return [
            Heard(
                "session",
                " ".join(said.clip.text for said in microphone.script.said),
                shown[-1].settled if shown else "",
            )
            for microphone, shown in zip(self.microphones, self.shown, strict=True)
        ]

    @property
    def late_s(self) -> float:
        """How late the load itself was, at worst."""
        return max(microphone.late_s for microphone in self.microphones)

    @property
    def cpu_percent(self) -> float:
        """Of a core, a session."""
        return 100 * self.cpu_s / self.seconds / len(self.microphones)

    @property
    def memory_mb(self) -> float:
        """Nine tenths of the time it was less."""
        return quantile([mb for _, mb in self.memory], 0.9)

    def rates(self) -> dict[str, float]:
        """Processor, memory and word errors, as rows keep them."""
        return {
            "wer": word_error_rate(self.heard),
            "cpu_percent": self.cpu_percent,
            "memory_mb": self.memory_mb,
            "own_cpu_percent": 100 * self.own_cpu_s / self.seconds,
            "late_s": self.late_s,
        }


MIN_UTTERANCES = 38
"""Of a measurement: the 95th percentile of fewer says little."""


def scripts(speech: Sequence[Clip], n: int, at_least: int = MIN_UTTERANCES) -> list[Script]:
    """What `n` callers say: all clips, and again until there are `at_least` utterances."""
    rounds = max(1, round(at_least / (n * len(speech))))
    return [script(speech, seed, rounds=rounds) for seed in range(n)]


def completions_s(
    microphones: Sequence[Microphone], shown: Sequence[list[Shown]]
) -> list[float | None]:
    """For each utterance of all sessions: from its last word to the end of its text."""
    found: list[float | None] = []
    for microphone, seen in zip(microphones, shown, strict=True):
        texts = [said.clip.text for said in microphone.script.said]
        for end_s, done_s in zip(microphone.ends_s(), completed_s(texts, seen), strict=True):
            found.append(None if done_s is None else done_s - end_s)
    return found


async def speak(pid: int, session: Session, scripts: Sequence[Script]) -> Load:
    """Runs one session for each script, all at once, against the server `pid`."""
    load = Load([Microphone(each) for each in scripts], [[] for _ in scripts])
    server, own = psutil.Process(pid), psutil.Process(os.getpid())
    watching = asyncio.create_task(_watch(server, load.memory))
    cpu_before_s, own_before_s, started_s = (
        cpu_s(server),
        sum(own.cpu_times()[:2]),
        time.monotonic(),
    )
    try:
        await asyncio.gather(*(_one(session, index, load) for index in range(len(scripts))))
        load.seconds = time.monotonic() - started_s
        load.cpu_s = cpu_s(server) - cpu_before_s
        load.own_cpu_s = sum(own.cpu_times()[:2]) - own_before_s
        load.memory.append((load.seconds / 60, memory_mb(server)))
    finally:
        watching.cancel()
    return load


async def _one(session: Session, index: int, load: Load) -> None:
    microphone = load.microphones[index]
    await asyncio.sleep(random.Random(index).uniform(0, _STAGGER_S))
    try:
        async with asyncio.timeout(microphone.script.seconds + _PATIENCE_S):
            await session(microphone, load.shown[index])
    except FAILURES as error:
        load.failures.append(f"{type(error).__name__}: {error or 'it took too long'}")
        if not microphone.started_s:
            microphone.started_s = time.monotonic()


async def _watch(server: psutil.Process, memory: list[tuple[float, float]]) -> None:
    started_s = time.monotonic()
    while True:
        memory.append(((time.monotonic() - started_s) / 60, memory_mb(server)))
        await asyncio.sleep(_SAMPLE_EVERY_S)
