"""Many real-time callers of the ASR service for minutes: is anything lost, does it stay flat?

``python -m benchmarks.soak [--speech DIR | --phone-talk N] [--sessions 30] [--minutes 10]``

The service is started with the settings of the environment, so name the engine there:
``VOICE_AGENT_ASR__ENGINE=whisper VOICE_AGENT_ASR__MODEL=FOLDER``. Each caller speaks clips with
pauses at the pace of speech. A clip counts as heard if finals reach over it to its end; the
server's times and the callers' own agree only if no audio was lost on the way.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
import psutil
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.flicker import phone_talk
from benchmarks.machine import machine
from benchmarks.services import serving
from benchmarks.speech import Clip, clips
from benchmarks.words import Heard, word_error_rate
from voice_agent.client.asr import AsrClient
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.wire.asr import Final
from voice_agent.wire.common import Degraded, Error

_FRAME_S = 0.04
_GAP_S = (1.5, 4.0)  # least and most silence between two clips
_NOISE = 8  # the microphone's own, in int16 units
_END_SLACK_S = 0.7  # a soft last sound may not count as speech
_SAMPLE_EVERY_S = 10.0


@dataclass(slots=True)
class Said:
    """A clip as a caller said it: where in the session's audio, and when it ended."""

    clip: Clip
    start_s: float
    ended_s: float = 0.0

    @property
    def end_s(self) -> float:
        """Last sample of speech, in the session's audio."""
        return self.start_s + self.clip.speech_end_s


@dataclass(slots=True)
class Caller:
    """One session: what it said, and the finals it got with the time of their coming."""

    speech: list[Clip]
    seed: int
    said: list[Said] = field(default_factory=list[Said])
    finals: list[tuple[float, Final]] = field(default_factory=list[tuple[float, Final]])
    events: Counter[str] = field(default_factory=Counter[str])
    late_s: float = 0.0

    async def call(self, url: str, seconds: float) -> None:
        """Speaks for `seconds`, then closes and takes what is due."""
        chance = random.Random(self.seed)
        await asyncio.sleep(chance.uniform(0, 2))
        async with AsrClient.connect(url) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collect(client))
            await client.configure(sample_rate=ASR_SAMPLE_RATE_HZ, encoding="pcm_s16le")
            started_s, sent = time.monotonic(), 0
            async for frame in self._frames(chance, seconds, started_s):
                sent += len(frame)
                wait_s = started_s + sent / ASR_SAMPLE_RATE_HZ - time.monotonic()
                self.late_s = max(self.late_s, -wait_s)
                await asyncio.sleep(max(0.0, wait_s))
                await client.send(frame.tobytes())
            await client.close()

    async def _frames(
        self, chance: random.Random, seconds: float, started_s: float
    ) -> AsyncIterator[NDArray[np.int16]]:
        noise = np.random.default_rng(self.seed)
        step, at = int(_FRAME_S * ASR_SAMPLE_RATE_HZ), 0
        while at < seconds * ASR_SAMPLE_RATE_HZ:
            gap = int(chance.uniform(*_GAP_S) * ASR_SAMPLE_RATE_HZ)
            clip = chance.choice(self.speech)
            sound = np.concatenate([np.zeros(gap, np.int16), clip.samples])
            sound = sound + noise.integers(-_NOISE, _NOISE, len(sound))
            said = Said(clip, (at + gap) / ASR_SAMPLE_RATE_HZ)
            said.ended_s = started_s + said.end_s
            self.said.append(said)
            sound = np.clip(sound, -32768, 32767).astype(np.int16)
            for first in range(0, len(sound), step):
                yield sound[first : first + step]
            at += len(sound)
        yield noise.integers(-_NOISE, _NOISE, 2 * ASR_SAMPLE_RATE_HZ).astype(np.int16)

    async def _collect(self, client: AsrClient) -> None:
        async for message in client:
            match message:
                case Final():
                    self.finals.append((time.monotonic(), message))
                case Error():
                    self.events[message.code] += 1
                case Degraded():
                    self.events[f"degraded {message.what}"] += 1
                case _:
                    pass

    def judged(self) -> list[tuple[Said, str, float | None]]:
        """For each clip: what was heard, and how long after its end (None: not to its end)."""
        found: list[tuple[Said, str, float | None]] = []
        for said in self.said:
            own = [
                (came_s, final)
                for came_s, final in self.finals
                if final.end > said.start_s and final.start < said.end_s
            ]
            reaches = any(final.end > said.end_s - _END_SLACK_S for _, final in own)
            latency_s = max(came_s for came_s, _ in own) - said.ended_s if reaches else None
            found.append((said, " ".join(final.text for _, final in own), latency_s))
        return found


async def watch(process: psutil.Process, rows: list[tuple[float, float, float]]) -> None:
    """Notes minutes, MB and CPU seconds every ten seconds."""
    started_s = time.monotonic()
    while True:
        await asyncio.sleep(_SAMPLE_EVERY_S)
        family = [process, *process.children(recursive=True)]
        memory_mb = sum(each.memory_info().rss for each in family) / 1e6
        cpu_s = sum(sum(each.cpu_times()[:2]) for each in family)
        rows.append(((time.monotonic() - started_s) / 60, memory_mb, cpu_s))


def percentile_ms(port: int, metric: str, q: float) -> str:
    """Upper bound of the bucket of a histogram that holds the percentile."""
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    counts = {
        float(sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"{metric}_bucket"
    }
    total = max(counts.values(), default=0.0)
    bounds = [bound for bound, count in sorted(counts.items()) if count >= q / 100 * total]
    return f"≤ {bounds[0] * 1000:g} ms" if total else "–"


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, help="folder with transcripts.tsv")
    parser.add_argument("--phone-talk", type=int, metavar="N", help="N sentences instead of them")
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    speech = (
        phone_talk(arguments.phone_talk) if arguments.phone_talk else await clips(arguments.speech)
    )
    callers = [Caller(speech, seed) for seed in range(arguments.sessions)]
    samples: list[tuple[float, float, float]] = []
    with serving("asr") as (process, port):
        watcher = asyncio.create_task(watch(psutil.Process(process.pid), samples))
        url = f"ws://127.0.0.1:{port}/ws"
        engine = httpx2.get(f"http://127.0.0.1:{port}/v1/info").json()["engines"]["hears"]
        await asyncio.gather(*(caller.call(url, arguments.minutes * 60) for caller in callers))
        watcher.cancel()
        decided = {q: percentile_ms(port, "voice_agent_final_latency_seconds", q) for q in (50, 95)}
    print(f"{machine()}; {engine['name']} {engine['model']} {engine['precision']}\n")
    report(callers, samples, arguments.minutes)
    print(f"- turn decided → final: p50 {decided[50]}, p95 {decided[95]}")


def report(
    callers: list[Caller], samples: list[tuple[float, float, float]], minutes: float
) -> None:
    """Prints what came of it."""
    judged = [entry for caller in callers for entry in caller.judged()]
    latencies_ms = [latency_s * 1000 for *_, latency_s in judged if latency_s is not None]
    p50, p95, p99 = np.percentile(latencies_ms or [0.0], (50, 95, 99))
    heard = [Heard(said.clip.name, said.clip.text, text) for said, text, _ in judged]
    events = sum((caller.events for caller in callers), Counter[str]())
    settled = [memory_mb for at_min, memory_mb, _ in samples if at_min >= min(1.5, minutes / 4)]
    cpu_s, passed_s = samples[-1][2] - samples[0][2], (samples[-1][0] - samples[0][0]) * 60
    print(
        f"- {len(callers)} sessions, {minutes:g} minutes, {len(judged)} clips, "
        f"{sum(len(caller.finals) for caller in callers)} finals\n"
        f"- clips without a final to their end: {len(judged) - len(latencies_ms)}\n"
        f"- word error rate {word_error_rate(heard):.1%}\n"
        f"- last word → final: p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms\n"
        f"- memory after the first minutes {settled[0]:.0f} MB, at the end {settled[-1]:.0f} MB "
        f"(least {min(settled):.0f}, most {max(settled):.0f})\n"
        f"- {cpu_s / max(passed_s, 1.0):.2f} cores\n"
        f"- the load itself was at most {max(c.late_s for c in callers) * 1000:.0f} ms late\n"
        f"- errors and degradations: {dict(events) or 'none'}"
    )


if __name__ == "__main__":
    asyncio.run(main())
