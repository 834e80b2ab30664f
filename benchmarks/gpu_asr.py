"""Latency of finals with a large Whisper on one GPU, at 1, 8 and 30 sessions in real time.

``make gpu-asr`` or ``python -m benchmarks.gpu_asr [--model large-v3] [--sessions 1 8 30]``

The weights are random and follow a script (`benchmarks.random_whisper`), so nothing but the
vocabulary is fetched; time and memory are those of the true shapes. Each session speaks an
utterance of 2–5 s in real time, asks for a partial every half second as the ASR service does,
hands the utterance in when it ends, and pauses for 2–4 s. Latency is from that end, which is
the turn decision, to the final. The target is a 95th percentile under 200 ms at 30 sessions.

Without a CUDA GPU it ends with status 2; ``--device cpu --model tiny`` tries it anywhere.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import ctranslate2
import numpy as np

from benchmarks import utterances
from benchmarks.machine import machine
from benchmarks.paced import paced
from benchmarks.random_whisper import SIZES, build
from benchmarks.speech import clips
from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    PARTIAL_EVERY_S,
    Priority,
    RecognizeJob,
    Recognizer,
    Samples,
)
from voice_agent.engines.registry import RECOGNIZERS
from voice_agent.errors import EngineTimeout, EngineUnavailable
from voice_agent.settings import load_settings

# as in `processors.speech_to_text`
_FIRST_PARTIAL_S = 0.7
_PARTIAL_TIMEOUT_S, _FINAL_TIMEOUT_S = 2.0, 60.0
_TARGET_P95_MS, _TARGET_SESSIONS = 200, 30
_HEAD = (
    "| final window | sessions | finals | final p50 / p95 / p99 ms | partials "
    "| partial p50 / p95 ms | other texts |\n|---|---|---|---|---|---|---|"
)


class Sessions:
    """Sessions that speak to one engine, and what they saw.

    Args:
        engine: Loaded.
        partials: Whether they ask for partials.
    """

    def __init__(self, engine: Recognizer, *, partials: bool) -> None:
        self._engine = engine
        self._partials = partials
        self._turns = 0
        self._open: dict[int, int] = {}
        self.partials_s: list[float] = []
        self.n_asked = 0

    async def speaking(self, session: int, samples: Samples, begin_s: float) -> None:
        """Asks for partials of an utterance while it is being spoken."""
        self._turns += 1
        self._open[session] = self._turns
        at_s = _FIRST_PARTIAL_S
        while self._partials and at_s < utterances.seconds(samples):
            await asyncio.sleep(max(0.0, begin_s + at_s - time.monotonic()))
            # what was said meanwhile is in it: one partial at a time
            at_s = max(at_s, min(time.monotonic() - begin_s, utterances.seconds(samples)))
            heard = samples[: round(at_s * ASR_SAMPLE_RATE_HZ)]
            asked_s = time.monotonic()
            job = self._job(session, heard, Priority.PARTIAL, _PARTIAL_TIMEOUT_S)
            with suppress(EngineTimeout, EngineUnavailable):
                self.n_asked += 1
                if await self._engine.transcribe(job) is not None:
                    self.partials_s.append(time.monotonic() - asked_s)
            at_s += PARTIAL_EVERY_S

    async def final(self, session: int, samples: Samples) -> str:
        """Ends the turn."""
        job = self._job(session, samples, Priority.FINAL, _FINAL_TIMEOUT_S)
        transcript = await self._engine.transcribe(job)
        self._engine.release(job.session_id, job.turn_id)
        return transcript.text if transcript else ""

    def _job(
        self, session: int, samples: Samples, priority: Priority, timeout_s: float
    ) -> RecognizeJob:
        return RecognizeJob(
            session_id=str(session),
            turn_id=self._open[session],
            samples=samples,
            priority=priority,
            timeout_s=timeout_s,
        )


async def measure(
    model: Path, window: str, spoken: Sequence[Samples], n: int, arguments: argparse.Namespace
) -> tuple[str, float]:
    """Runs `n` sessions against a fresh engine; gives the row and the 95th percentile in ms."""
    settings = load_settings(
        asr={"engine": "whisper", "model": str(model)},
        whisper={"device": arguments.device, "final_window": window},
    )
    engine = RECOGNIZERS["whisper"].build(settings)
    await engine.load()
    try:
        await engine.warm_up()
        sessions = Sessions(engine, partials=not arguments.no_partials)
        finals = await paced(
            sessions.final,
            spoken,
            n_sessions=n,
            duration_s=arguments.seconds,
            speaking=sessions.speaking,
        )
    finally:
        await engine.close()
    p50, p95, p99 = _percentiles_ms(finals.latencies_s)
    partial_p50, partial_p95, _ = _percentiles_ms(sessions.partials_s)
    others = sum(text != utterances.SCRIPT for text in finals.texts)
    row = (
        f"| {window} | {n} | {len(finals.texts)} | {p50:.0f} / {p95:.0f} / {p99:.0f} | "
        f"{len(sessions.partials_s)} of {sessions.n_asked} | "
        f"{partial_p50:.0f} / {partial_p95:.0f} | {others} |"
    )
    return row, p95


def _percentiles_ms(latencies_s: list[float]) -> tuple[float, float, float]:
    p50, p95, p99 = np.percentile(latencies_s or [np.nan], (50, 95, 99)) * 1000
    return float(p50), float(p95), float(p99)


def _gpu() -> str:
    command = [
        "nvidia-smi",
        "--query-gpu=name,memory.total,driver_version",
        "--format=csv,noheader",
    ]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "a GPU without nvidia-smi"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_asr")
    parser.add_argument("--model", choices=SIZES, default="large-v3")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 8, 30])
    parser.add_argument("--seconds", type=float, default=60, help="of speaking for each row")
    parser.add_argument("--window", nargs="+", choices=["auto", "full"], default=["auto", "full"])
    parser.add_argument("--no-partials", action="store_true", help="finals only")
    parser.add_argument("--speech", type=Path, help="folder with transcripts.tsv")
    parser.add_argument("--keep", type=Path, help="folder for the model, to use it again")
    parser.add_argument("-o", "--output", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not ctranslate2.get_cuda_device_count():
        print("There is no CUDA GPU here; --device cpu --model tiny tries the benchmark.")
        sys.exit(2)
    return arguments


async def _report(arguments: argparse.Namespace, model: Path) -> str:
    on_gpu = arguments.device == "cuda"
    precision = "float16" if on_gpu else "int8"
    if not (model / "model.bin").is_file():
        build(arguments.model, model, script=utterances.SCRIPT, quantization=precision)
    spoken = utterances.cut(await clips(arguments.speech))
    lines = [
        f"{machine()}{f'; {_gpu()}' if on_gpu else ''}",
        f"\n`{arguments.model}`, {precision}, {arguments.seconds:g} s a row\n\n{_HEAD}",
    ]
    print(*lines, sep="\n", flush=True)
    for window in arguments.window:
        for n in arguments.sessions:
            row, p95_ms = await measure(model, window, spoken, n, arguments)
            lines.append(row)
            print(row, flush=True)
            if n == _TARGET_SESSIONS and on_gpu:
                met = "met" if p95_ms < _TARGET_P95_MS else "missed"
                lines.append(f"\nTarget (p95 < {_TARGET_P95_MS} ms at {n} sessions): {met}\n")
    return "\n".join(lines)


def main() -> None:
    """Measures and prints."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.keep or Path(folder) / arguments.model
        report = asyncio.run(_report(arguments, model))
    if arguments.output:
        arguments.output.write_text(report + "\n")


if __name__ == "__main__":
    main()
