"""The ASR service on real recordings: accuracy, delay, partials and cost under load.

``make recognition SPEECH=DIR [PROMPTS=DIR]`` or
``python -m benchmarks.recognition DIR [--prompts DIR] [--sessions 1 6 12 30]``

Both folders hold recordings and ``transcripts.tsv`` (columns `file` and `text`); that of the
prompts holds a folder ``LANGUAGE-sentences`` for each language (tools/telephone_corpus.py makes
them of Debian's packages). The service runs with the settings of the environment, so by default
with its defaults, in a process of its own; the load has another. Four tables:

- sessions: every session speaks all clips of DIR in real time, with pauses of 3 s.
- prompts under load: the same with a hundred English prompts, dealt to thirty sessions.
- beside faster-whisper: the prompts as fast as the service takes them, two at once, and by
  `WhisperModel.transcribe` directly, greedy, in windows of 30 s.
- memory: only with `--minutes`, thirty sessions for so long.

Rows are kept as they are measured (`build/benchmarks/recognition.jsonl`): an interrupted run
goes on; `--fresh` measures all anew.
"""

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import recognition_report
from benchmarks.callers import PAUSE_S, Microphone, Script, script
from benchmarks.contenders.ours import Heard, attend, finals, on_screen
from benchmarks.direct import Direct
from benchmarks.listening import hear_at_once
from benchmarks.partials import intervals_s, settled
from benchmarks.processes import end_in_order
from benchmarks.prometheus import counted
from benchmarks.realtime import MIN_UTTERANCES, completions_s, scripts, speak
from benchmarks.rows import RESULTS, Row, Rows, pending
from benchmarks.services import service, serving
from benchmarks.settling import Shown
from benchmarks.speech import Clip, clips
from benchmarks.words import interval, word_error_rate
from voice_agent.settings import load_settings
from voice_agent.weights.store import models_dir

_LANGUAGES = {"en": 100, "es": 60, "fr": 60, "it": 60, "ru": 60}  # prompts of each
_SESSIONS_OF_PROMPTS = 30
_AT_ONCE = 2
_START_S = 20.0  # of a service, and its end

Step = Callable[[], Coroutine[Any, Any, Row]]


async def under_load(said: Sequence[Script]) -> Row:
    """One session for each script, in real time, against a fresh service."""
    heard: dict[int, Heard] = {}
    with serving("asr") as (process, port):

        async def session(microphone: Microphone, shown: list[Shown]) -> None:
            told = heard[id(microphone)] = Heard()
            try:
                await attend(f"ws://127.0.0.1:{port}/ws", microphone, told)
            finally:
                shown += on_screen(told.messages)

        load = await speak(process.pid, session, said)
        partials = counted(port, "voice_agent_partials_total", "fate")
    told = [heard.get(id(microphone), Heard()) for microphone in load.microphones]
    last_words = completions_s(load.microphones, [finals(each.messages) for each in told])
    words = [settled(each.messages) for each in told]
    complete = load.completions_s
    return load.rates() | {
        "n": len(said),
        "final_s": [seconds for seconds in last_words if seconds is not None],
        "complete_s": [seconds for seconds in complete if seconds is not None],
        "unheard": sum(seconds is None for seconds in last_words),
        "intervals_s": [s for each in told for s in intervals_s(each.messages)],
        "settled_words": sum(each.words for each in words),
        "changed_words": sum(each.changed for each in words),
        "partials": partials,
        "memory": load.memory,
        "minutes": load.seconds / 60,
        "failures": [*load.failures, *(error for each in told for error in each.errors)],
    }


async def beside_direct(speech: Sequence[Clip], language: str, model: Path) -> Row:
    """The same recordings through the service, and by faster-whisper directly."""
    lines = asyncio.Semaphore(_AT_ONCE)
    with service("asr") as url:
        served = await asyncio.gather(
            *(hear_at_once(url, clip, language, lines) for clip in speech)
        )
    recognizer = Direct(model)
    direct = [await asyncio.to_thread(recognizer.hear, clip, language) for clip in speech]
    return {
        "language": language,
        "prompts": len(speech),
        "service": word_error_rate(served),
        "service_interval": interval(served),
        "direct": word_error_rate(direct),
        "wrong": [
            [mine.said, mine.recognised, theirs.recognised]
            for mine, theirs in zip(served, direct, strict=True)
            if mine.counts()[0] > theirs.counts()[0]
        ],
    }


def dealt(speech: Sequence[Clip], n: int) -> list[Script]:
    """The clips among `n` callers: each is said once, or by one caller more."""
    share = -(-len(speech) // n)
    hands = [[speech[(i * share + j) % len(speech)] for j in range(share)] for i in range(n)]
    return [script(hand, seed) for seed, hand in enumerate(hands)]


def lasting(speech: Sequence[Clip], n: int, minutes: float) -> list[Script]:
    """What `n` callers say for so long."""
    round_s = sum(clip.seconds + PAUSE_S for clip in speech)
    return [script(speech, seed, rounds=max(1, round(minutes * 60 / round_s))) for seed in range(n)]


async def _steps(arguments: argparse.Namespace) -> dict[str, tuple[float, Step]]:
    speech = (await clips(arguments.folder))[: arguments.clips]
    found: dict[str, tuple[float, Step]] = {}

    def live(key: str, said: list[Script]) -> None:
        longest_s = max(each.seconds for each in said)
        found[key] = longest_s + _START_S, partial(under_load, said)

    for n in arguments.sessions:
        live(f"sessions/{n}", scripts(speech, n, arguments.utterances))
    for language, count in _LANGUAGES.items() if arguments.prompts else ():
        folder = arguments.prompts / f"{language}-sentences"
        prompts = (await clips(folder))[: min(count, arguments.clips or count)]
        if language == "en":
            live("prompts/30", dealt(prompts, min(_SESSIONS_OF_PROMPTS, len(prompts))))
        model = arguments.model or models_dir(load_settings()) / "base"
        expected_s = _START_S + 0.6 * sum(clip.seconds for clip in prompts)
        found[f"direct/{language}"] = expected_s, partial(beside_direct, prompts, language, model)
    if arguments.minutes:
        n = max(arguments.sessions)
        live(f"memory/{n}", lasting(speech, n, arguments.minutes))
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="recordings and transcripts.tsv")
    parser.add_argument("--prompts", type=Path, help="folder of LANGUAGE-sentences folders")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 6, 12, 30])
    parser.add_argument("--minutes", type=float, help="also the most sessions for so long")
    parser.add_argument("--utterances", type=int, default=MIN_UTTERANCES, help="least of a row")
    parser.add_argument("--clips", type=int, help="only so many, to try it")
    parser.add_argument("--model", type=Path, help="for the direct calls; `base` of models.dir")
    parser.add_argument("--fresh", action="store_true", help="measure all anew")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "recognition.md")
    return parser


async def main() -> None:
    """Measures, and writes the tables after every row."""
    arguments = _parser().parse_args()
    rows = Rows("recognition", fresh=arguments.fresh)
    steps = await _steps(arguments)
    for key in pending(rows, [(key, seconds) for key, (seconds, _) in steps.items()]):
        print(recognition_report.line(rows.add(key, await steps[key][1]())), flush=True)
        recognition_report.write(arguments.output, rows)


if __name__ == "__main__":
    end_in_order()
    asyncio.run(main())
