"""Ours beside others that recognise speech while one speaks: the same model, clips and load.

``make peers SPEECH=DIR`` or ``python -m benchmarks.peers DIR [--sessions 1 3 6]``

`make peers-env` makes the environments of WhisperLiveKit and WhisperLive first. Contenders take
turns for each number of sessions, each in a fresh process. A session speaks all clips of the
folder in an order of its own, in real time, with pauses of 3 s. What the columns mean:

- word error rate: all that was settled in the end against all that was said.
- complete: from the last sound of a clip to the moment since when all of its text is settled and
  stays. A text that comes while the next clip is said counts with its whole delay.
- unheard: clips without a single word in the text.
- % of a core: of the server's processes, for each session.

Rows are kept as they are measured (`build/benchmarks/peers.jsonl`), so that an interrupted run
goes on; `--fresh` measures all anew.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.callers import Script
from benchmarks.contenders.base import Contender
from benchmarks.contenders.ours import Ours
from benchmarks.contenders.pipecat_stock import PipecatStock
from benchmarks.contenders.whisper_live import WhisperLive
from benchmarks.contenders.whisper_livekit import WhisperLiveKit
from benchmarks.direct import Direct
from benchmarks.processes import end_in_order
from benchmarks.realtime import MIN_UTTERANCES, scripts, speak
from benchmarks.rows import RESULTS, Row, Rows, p50_p95, pending, percent, report, table
from benchmarks.speech import Clip, clips
from benchmarks.words import word_error_rate
from voice_agent.settings import load_settings
from voice_agent.weights.store import models_dir

_CONTENDERS: dict[str, Contender] = {
    "ours": Ours(),
    "whisper-livekit": WhisperLiveKit(),
    "whisper-live": WhisperLive(),
    "whisper-live-batched": WhisperLive(batched=True),
    "pipecat": PipecatStock(),
}
_MORE_OF_OURS = (12, 30)  # sessions that only ours is asked for
_START_S = 40.0  # of a server and the pauses around a row
_HEAD = (
    "", "sessions", "word error rate", "complete p50 / p95 s", "over 1.5 s", "unheard",
    "% of a core a session", "MB", "load late ms",
)  # fmt: skip
_TITLE = "Speech recognition while one speaks: this project and others"
_ABOUT = """`make peers SPEECH=DIR`, with nineteen recordings of people (62 s), spoken by every \
session in real time with pauses of 3 s. All have the same Whisper model, `base` in int8, on the \
same two cores as the load generator, and take turns; the docstring of \
[peers.py](../peers.py) says what the columns mean. The others run with their own defaults: \
WhisperLiveKit with its faster-whisper backend and local agreement, WhisperLive with one model \
for all and its VAD, Pipecat with `WhisperSTTService`, Silero and Smart Turn, a model each \
session. faster-whisper alone gets each recording whole, after its end: it shows what the model \
can do, and has no delay to measure."""


async def measure(contender: Contender, model: Path, said: Sequence[Script]) -> Row:
    """One row, in a fresh process of the contender."""
    with contender.serving(model) as server:
        load = await speak(
            server.process.pid,
            partial(contender.session, server.port),
            said,
        )
    done = load.completions_s
    return load.rates() | {
        "name": contender.name,
        "n": len(said),
        "complete_s": [seconds for seconds in done if seconds is not None],
        "unheard": sum(seconds is None for seconds in done),
        "failures": load.failures,
    }


def direct(model: Path, speech: Sequence[Clip]) -> Row:
    """faster-whisper, one clip after another."""
    recognizer = Direct(model)
    started_s = time.process_time()
    heard = [recognizer.hear(clip, "en") for clip in speech]
    audio_s = sum(clip.seconds for clip in speech)
    return {
        "name": "faster-whisper 1.2.1, offline",
        "n": 1,
        "wer": word_error_rate(heard),
        "cpu_of_audio": (time.process_time() - started_s) / audio_s,
    }


def _line(row: Row) -> list[str]:
    start = [row["name"], str(row["n"]), f"{row['wer']:.1%}"]
    if "cpu_of_audio" in row:
        return [*start, "–", "–", "–", f"{row['cpu_of_audio']:.0%} of the speech", "–", "–"]
    done, count = row["complete_s"], len(row["complete_s"]) + row["unheard"]
    return [
        *start,
        p50_p95(done),
        percent(sum(seconds > 1.5 for seconds in done) + row["unheard"], count),
        f"{row['unheard']} of {count}",
        f"{row['cpu_percent']:.0f}",
        f"{row['memory_mb']:,.0f}",
        f"{row['late_s'] * 1000:.0f}",
    ]


def _write(path: Path, rows: Rows) -> None:
    found = sorted(rows.of("peers"), key=lambda row: (row["n"], row["name"] != Ours.name))
    failed = [
        f"- {row['name']}, {row['n']} sessions: {len(row['failures'])} ended early, "
        f"the first with {row['failures'][0]}"
        for row in found
        if row.get("failures")
    ]
    report(path, _TITLE, rows, _ABOUT, table(_HEAD, [_line(row) for row in found]),
           "\n".join(failed))  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="recordings and transcripts.tsv")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 3, 6])
    parser.add_argument("--contenders", nargs="+", choices=_CONTENDERS, default=list(_CONTENDERS))
    parser.add_argument("--no-more", action="store_true", help="no 12 and 30 sessions of ours")
    parser.add_argument("--model", type=Path, help="a folder; by default `base` of models.dir")
    parser.add_argument("--utterances", type=int, default=MIN_UTTERANCES, help="least of a row")
    parser.add_argument("--clips", type=int, help="only so many, to try it")
    parser.add_argument("--fresh", action="store_true", help="measure all anew")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "peers.md")
    return parser


async def main() -> None:
    """Measures and prints."""
    arguments = _parser().parse_args()
    model = arguments.model or models_dir(load_settings()) / "base"
    speech = (await clips(arguments.folder))[: arguments.clips]
    rows = Rows("peers", fresh=arguments.fresh)
    wanted = [(name, n) for n in arguments.sessions for name in arguments.contenders]
    if not arguments.no_more:
        wanted += [("ours", n) for n in _MORE_OF_OURS]
    steps = {f"peers/{name}/{n}": (name, n) for name, n in wanted}
    said = {n: scripts(speech, n, arguments.utterances) for _, n in wanted}
    seconds = {key: _START_S + said[n][0].seconds for key, (_, n) in steps.items()}
    for key in pending(rows, [("peers/direct", 60.0), *seconds.items()]):
        if key == "peers/direct":
            row = direct(model, speech)
        else:
            name, n = steps[key]
            try:
                row = await measure(_CONTENDERS[name], model, said[n])
            except (OSError, RuntimeError) as error:  # the others are measured all the same
                print(f"{key} did not start (make peers-env): {error}", flush=True)
                continue
        print(" | ".join(_line(rows.add(key, row))), flush=True)
        _write(arguments.output, rows)


if __name__ == "__main__":
    end_in_order()
    asyncio.run(main())
