"""The process of one contender: runs one load and prints what it saw as a line of JSON.

``python -m benchmarks.asr_throughput.worker NAME MODEL UTTERANCES SHAPE N_SESSIONS AMOUNT``

`AMOUNT` is utterances a session (``closed``) or seconds (``paced``).
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.asr_throughput import load, utterances
from benchmarks.asr_throughput.contenders import CONTENDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one process saw.

    Attributes:
        audio_s: Speech that was decoded.
        wall_s: How long that took.
        cpu_s: Processor time of the process and its children.
        latencies_s: Of the finals.
        memory_mb: Resident at the end, children included.
        texts: Each different final, and how often it came.
        stolen_s: What the hypervisor gave to others meanwhile, over all cores.
    """

    audio_s: float
    wall_s: float
    cpu_s: float
    latencies_s: list[float]
    memory_mb: float
    texts: dict[str, int]
    stolen_s: float


async def measure(
    name: str, model: Path, speech: Path, shape: str, n_sessions: int, amount: float
) -> Run:
    """Runs one load against one contender."""
    spoken = utterances.load(speech)
    contender = CONTENDERS[name](model)
    await contender.open(n_sessions)
    cpu_s, stolen_s, started_s = _cpu_s(), _stolen_s(), time.monotonic()
    try:
        if shape == "closed":
            finals = await load.closed(
                contender.final, spoken, n_sessions=n_sessions, n_each=int(amount)
            )
        else:
            finals = await load.paced(
                contender.final, spoken, n_sessions=n_sessions, duration_s=amount
            )
        return Run(
            audio_s=finals.audio_s,
            wall_s=time.monotonic() - started_s,
            cpu_s=_cpu_s() - cpu_s,
            latencies_s=finals.latencies_s,
            memory_mb=sum(p.memory_info().rss for p in _processes()) / 1e6,
            texts={text: finals.texts.count(text) for text in set(finals.texts)},
            stolen_s=_stolen_s() - stolen_s,
        )
    finally:
        await contender.close()


def _processes() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def _cpu_s() -> float:
    times = [process.cpu_times() for process in _processes()]
    return sum(t.user + t.system for t in times)


def _stolen_s() -> float:
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def main(name: str, model: str, speech: str, shape: str, n_sessions: str, amount: str) -> None:
    """Measures and prints."""
    run = asyncio.run(
        measure(name, Path(model), Path(speech), shape, int(n_sessions), float(amount))
    )
    print(json.dumps(asdict(run)))


if __name__ == "__main__":
    main(*sys.argv[1:])
