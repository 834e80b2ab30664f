"""Command line: builds the model, runs all contenders in turn, writes the table."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from benchmarks.asr_throughput import utterances
from benchmarks.asr_throughput.contenders import CONTENDERS
from benchmarks.asr_throughput.contenders.whisper_live import PYTHON_VARIABLE
from benchmarks.asr_throughput.script import SCRIPT
from benchmarks.asr_throughput.worker import Run
from benchmarks.machine import machine
from benchmarks.random_whisper import build
from benchmarks.speech import clips

# keeps what the encoder of a 30 s window frees; else the kernel hands it out page by page,
# which doubles the time of the encoder
_MALLOC = (
    "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=4000000000"
    ":glibc.malloc.top_pad=268435456:glibc.malloc.hugetlb=1"
)
_BASELINE = "sequential"
_DEFAULT = [name for name in CONTENDERS if name != "whisper-live"]
_RUN_TIMEOUT_S = 570
_HEAD = (
    "| contender | malloc | sessions | audio s per s | × sequential | audio s per CPU s "
    "| × sequential | final p50 / p95 / p99 ms | MB | finals | other texts |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is compared: the same for all contenders of a group."""

    shape: str
    n_sessions: int
    amount: float
    keeps_memory: bool


def run(name: str, setting: Setting, model: Path, speech: Path, arguments: Namespace) -> Run:
    """One contender in a process of its own; raises CalledProcessError if it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads)}
    if setting.keeps_memory:
        environment["GLIBC_TUNABLES"] = _MALLOC
    if arguments.whisper_live:
        environment[PYTHON_VARIABLE] = arguments.whisper_live
    worker = [sys.executable, "-m", "benchmarks.asr_throughput.worker", name, model, speech]
    load = [setting.shape, str(setting.n_sessions), str(setting.amount)]
    done = subprocess.run(
        [*worker, *load],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if name == "pipecat" else None,  # it logs every text
        timeout=_RUN_TIMEOUT_S,
        check=True,
    )
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def row(name: str, setting: Setting, runs: Sequence[Run], baseline: Sequence[Run]) -> str:
    """The medians of a contender's runs; ratios are of runs that followed each other."""
    wall = median(r.audio_s / r.wall_s for r in runs)
    cpu = median(r.audio_s / r.cpu_s for r in runs)
    faster = _ratio([r.audio_s / r.wall_s for r in runs], [b.audio_s / b.wall_s for b in baseline])
    cheaper = _ratio([r.audio_s / r.cpu_s for r in runs], [b.audio_s / b.cpu_s for b in baseline])
    p50, p95, p99 = (
        median(float(np.percentile(r.latencies_s, q)) * 1000 for r in runs) for q in (50, 95, 99)
    )
    memory_mb = median(r.memory_mb for r in runs)
    finals = sum(len(r.latencies_s) for r in runs)
    others = finals - sum(r.texts.get(SCRIPT, 0) for r in runs)
    return (
        f"| {name} | {'kept' if setting.keeps_memory else 'stock'} | {setting.n_sessions} | "
        f"{wall:.1f} | {faster} | {cpu:.1f} | {cheaper} | {p50:.0f} / {p95:.0f} / {p99:.0f} | "
        f"{memory_mb:.0f} | {finals} | {others} |"
    )


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    if len(ours) != len(theirs):
        return ""
    return f"{median(a / b for a, b in zip(ours, theirs, strict=True)):.2f}"


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.asr_throughput")
    parser.add_argument("--speech", type=Path, help="folder with transcripts.tsv")
    parser.add_argument("--model", default="tiny", help="size of the random model")
    parser.add_argument("--shape", choices=["closed", "paced"], default="closed")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 8, 30])
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=_DEFAULT)
    parser.add_argument("--whisper-live", help="Python of its environment; adds it")
    parser.add_argument("--malloc", nargs="+", choices=["kept", "stock"], default=["kept"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=40, help="of a paced run")
    parser.add_argument("--threads", type=int, default=1, help="of CTranslate2, for all")
    parser.add_argument("-o", "--output", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    if arguments.whisper_live and "whisper-live" not in arguments.contenders:
        arguments.contenders.append("whisper-live")
    return arguments


def _settings(arguments: Namespace) -> list[Setting]:
    return [
        Setting(
            arguments.shape,
            n,
            # enough that the last, smaller batches do not count
            max(2, min(12, 48 // n)) if arguments.shape == "closed" else arguments.seconds,
            malloc == "kept",
        )
        for malloc in arguments.malloc
        for n in arguments.sessions
    ]


def _compare(arguments: Namespace, setting: Setting, model: Path, speech: Path) -> str:
    names = [n for n in arguments.contenders if n != "direct" or setting.n_sessions == 1]
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for _ in range(arguments.runs):
        for name in names:
            runs[name].append(run(name, setting, model, speech, arguments))
    baseline = runs.get(_BASELINE, [])
    return "\n".join(row(name, setting, found, baseline) for name, found in runs.items())


def main() -> None:
    """Measures and prints."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        speech, model = Path(folder) / "speech.npz", Path(folder) / arguments.model
        spoken = utterances.cut(asyncio.run(clips(arguments.speech)))
        utterances.save(speech, spoken)
        build(arguments.model, model, script=SCRIPT)
        lengths = [utterances.seconds(u) for u in spoken]
        report = (
            f"{machine()}; load average {psutil.getloadavg()[0]:.1f}\n\n"
            f"`{arguments.model}`, int8, {arguments.threads} thread of CTranslate2, "
            f"{arguments.shape} loop, medians of {arguments.runs} runs; {len(spoken)} utterances "
            f"of {min(lengths):.1f}–{max(lengths):.1f} s, mean {np.mean(lengths):.1f} s\n\n{_HEAD}"
        )
        print(report, flush=True)
        for setting in _settings(arguments):
            rows = _compare(arguments, setting, model, speech)
            print(rows, flush=True)
            report += "\n" + rows
    if arguments.output:
        arguments.output.write_text(report + "\n")


if __name__ == "__main__":
    main()
