"""Cost and latency of concurrent real-time ASR sessions, ours against Pipecat's stock parts.

``python -m benchmarks.sessions [--speech DIR] [--sessions 1 10 30 60] [--seconds 40]``

The recogniser is a scripted one in both, so that the framework, the voice activity model
and Smart Turn are measured. The two are measured in turn, in processes of their own, by a
load in a third; the table names the machine. `stolen` is what the hypervisor gave to others
meanwhile, in % of one core: rows with much of it say little about the software.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.load import Caller
from benchmarks.machine import machine
from benchmarks.services import wait_until_ready
from benchmarks.speech import Clip, clips
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.engines.silero import WINDOW_SAMPLES, SileroVad
from voice_agent.engines.smart_turn.engine import SmartTurn

_PORTS = {"ours": 8971, "stock": 8972}
_LAG = "voice_agent_event_loop_lag_seconds_bucket"


@dataclass
class Row:
    """One measurement."""

    name: str
    n: int
    cpu_percent: float
    memory_mb: float
    latencies_s: list[float]
    missed: int
    lag_p99_ms: str
    load_late_ms: float
    stolen_percent: float
    errors: int

    def line(self) -> str:
        """As a row of the table."""
        p50, p95, p99 = (
            (np.percentile(self.latencies_s, q) * 1000 for q in (50, 95, 99))
            if self.latencies_s
            else (float("nan"),) * 3
        )
        return (
            f"| {self.name} | {self.n} | {self.cpu_percent / self.n:.2f} | "
            f"{self.cpu_percent:.0f} | {self.memory_mb:.1f} | {p50:.0f} / {p95:.0f} / {p99:.0f} | "
            f"{self.lag_p99_ms} | {len(self.latencies_s)} | {self.missed} | "
            f"{self.load_late_ms:.0f} | {self.stolen_percent:.0f} |"
        )


_HEAD = (
    "| pipeline | sessions | % of a core per session | % of a core | MB per session | "
    "speech_end p50 / p95 / p99 ms | loop lag p99 ms | ends | missed | load late ms | stolen % |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def start(name: str) -> subprocess.Popen[bytes]:
    """Starts one of the apps and waits until it is ready."""
    port = _PORTS[name]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.serve", name, str(port)])
    try:
        wait_until_ready(process, f"http://127.0.0.1:{port}/readyz")
    except RuntimeError:
        process.kill()
        raise
    return process


def lag_buckets(name: str) -> dict[float, float]:
    """Counts of the loop's lag by upper bound in seconds."""
    text = httpx2.get(f"http://127.0.0.1:{_PORTS[name]}/metrics").text
    return {
        float(sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == _LAG
    }


def percentile_of(before: dict[float, float], after: dict[float, float], q: float) -> str:
    """Upper bound in ms of the bucket that holds the percentile."""
    total = after[float("inf")] - before[float("inf")]
    for bound, count in sorted(after.items()):
        if count - before[bound] >= q / 100 * total:
            return f"≤ {bound * 1000:g}"
    return "?"


async def measure(name: str, n: int, speech: list[Clip], seconds: float) -> Row:
    """Runs `n` callers against a fresh process."""
    process = start(name)
    try:
        server = psutil.Process(process.pid)
        url = f"ws://127.0.0.1:{_PORTS[name]}/ws"
        # one call first, so that lazy imports and caches are not counted as a session's
        await Caller(speech, seed=0).call(url, 8)
        memory = server.memory_info().rss
        lag = lag_buckets(name)
        callers = [Caller(speech, seed=i + 1) for i in range(n)]
        cpu, started_s = _cpu_s(server), time.monotonic()
        stolen_s = _stolen_s()
        tasks = [asyncio.create_task(c.call(url, seconds)) for c in callers]
        await asyncio.sleep(seconds - 2)
        grown = server.memory_info().rss - memory
        await asyncio.gather(*tasks)
        used_s, passed_s = _cpu_s(server) - cpu, time.monotonic() - started_s
        return Row(
            name=name,
            n=n,
            cpu_percent=used_s / passed_s * 100,
            memory_mb=grown / n / 1e6,
            latencies_s=[latency for c in callers for latency in c.latencies_s],
            missed=sum(c.missed for c in callers),
            lag_p99_ms=percentile_of(lag, lag_buckets(name), 99),
            stolen_percent=(_stolen_s() - stolen_s) / passed_s * 100,
            load_late_ms=max(c.late_s for c in callers) * 1000,
            errors=sum(c.errors for c in callers),
        )
    finally:
        process.terminate()
        process.wait(30)


def _cpu_s(server: psutil.Process) -> float:
    """Of the process and its children: models may run in those."""
    family = [server, *server.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def _stolen_s() -> float:
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


async def alone() -> str:
    """What one verdict and one window cost when nothing else runs: how fast the machine is."""
    judge, vad = SmartTurn(), SileroVad()
    await asyncio.gather(judge.load(), vad.load())
    verdicts_ms, windows_ms = [], []
    for _ in range(10):
        started_s = time.monotonic()
        await judge.probability(np.zeros(8 * ASR_SAMPLE_RATE_HZ, np.float32), session_id="alone")
        verdicts_ms.append((time.monotonic() - started_s) * 1000)
        stream = vad.open_stream()
        noise = np.random.default_rng(0).normal(0, 0.1, 64 * WINDOW_SAMPLES).astype(np.float32)
        started_s = time.process_time()
        await vad.probabilities(stream, noise)
        windows_ms.append((time.process_time() - started_s) * 1000 / 64)
    await asyncio.gather(judge.close(), vad.close())
    return (
        f"a Smart Turn verdict takes {np.median(verdicts_ms):.0f} ms here, "
        f"a Silero window alone {np.median(windows_ms):.2f} ms"
    )


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, help="folder with transcripts.tsv")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 30, 60])
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--only", choices=["ours", "stock"])
    arguments = parser.parse_args()
    speech = await clips(arguments.speech)
    load = psutil.getloadavg()[0]
    print(f"{machine()}; load average {load:.1f}; {await alone()}\n\n{_HEAD}", flush=True)
    for n in arguments.sessions:
        for name in [arguments.only] if arguments.only else ["ours", "stock"]:
            print((await measure(name, n, speech, arguments.seconds)).line(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
