"""Command line: callers against all services, and the table."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx2
import psutil

from benchmarks.everything import Everything, everything
from benchmarks.processes import cpu_s, end_in_order
from benchmarks.rows import RESULTS, Row, Rows, p50_p95, pending, percent, report, table
from benchmarks.voice_to_voice.callers import N_CALLERS, Spoken, caller
from benchmarks.voice_to_voice.page import PageCaller
from benchmarks.voice_to_voice.telephone import TelephoneCaller
from benchmarks.voice_to_voice.turn import Turn
from benchmarks.words import Heard
from voice_agent.client.asr import AsrClient
from voice_agent.client.twilio_call import RATE_HZ
from voice_agent.wire.asr import Final

_ALONE_ASKS = 3  # questions of each caller when callers come one after another
_A_QUESTION_S = 11.0  # with its answer and the pauses
_START_S = 45.0  # of all services, the callers' voices, and the end
_UNDERSTOOD_WER = 0.1
_HEAD = ("answers by", "line", "callers at once", "questions", "delay p50 / p95 s", "over 1.6 s",
         "unanswered", "understood", "cores used")  # fmt: skip
_ABOUT = """`make voice-to-voice`: ten callers, spoken by the TTS service at ten paces and \
levels, talk to the agent of a real `voice-agent up`; see \
[voice_to_voice](../voice_to_voice/__init__.py) for what is counted. The callers run on the same \
cores."""


async def by_page(services: Everything, spoken: Sequence[Sequence[Spoken]]) -> list[Turn]:
    """All callers at once."""
    callers = [PageCaller(each, seed) for seed, each in enumerate(spoken)]
    await asyncio.gather(*(each.call(services.url()) for each in callers))
    return [turn for each in callers for turn in each.turns]


async def by_telephone(services: Everything, spoken: Sequence[Sequence[Spoken]]) -> list[Turn]:
    """All callers at once; afterwards the ASR service listens to what they heard."""
    callers = [TelephoneCaller(each, seed) for seed, each in enumerate(spoken)]
    url = services.url("/twilio/stream")
    await asyncio.gather(*(each.call(url) for each in callers))
    asr = services.url(offset=1)
    return [
        replace(turn, answer=await _understood(asr, heard))
        for each in callers
        for turn, heard in zip(each.turns, each.heard, strict=True)
    ]


async def _understood(url: str, ulaw: bytes) -> str:
    async with AsrClient.connect(url) as client:
        await client.configure(encoding="mulaw", sample_rate=RATE_HZ)
        await client.send(ulaw)
        await client.close()
        return " ".join([message.text async for message in client if isinstance(message, Final)])


_LINES = {"page": by_page, "telephone": by_telephone}


def right(turn: Turn, line: str, *, by_rules: bool) -> bool | None:
    """Whether a question was understood; None where nobody can tell."""
    if by_rules:
        return turn.question.answered_by(turn.answer)
    if line == "telephone":
        return None
    wrong, words = Heard("question", turn.question.text, turn.final).counts()
    return wrong <= _UNDERSTOOD_WER * words


async def measure(line: str, at_once: int, callers: int, llm: dict[str, str]) -> Row:
    """One row, against services of its own."""
    with everything(TWILIO__INSECURE="true", **llm) as services:
        spoken = [await caller(services.url(offset=2), number) for number in range(callers)]
        voice = httpx2.get(f"http://127.0.0.1:{services.port + 2}/v1/info").json()["engines"]
        asks = len(spoken[0]) if at_once > 1 else _ALONE_ASKS
        process = psutil.Process(services.process.pid)
        loop = asyncio.get_running_loop()
        before_s, started_s = cpu_s(process), loop.time()
        turns: list[Turn] = []
        for first in range(0, callers, at_once):
            group = [each[:asks] for each in spoken[first : first + at_once]]
            turns += await _LINES[line](services, group)
        cores = (cpu_s(process) - before_s) / (loop.time() - started_s)
    judged = [(turn, right(turn, line, by_rules=not llm)) for turn in turns]
    return {
        "line": line,
        "at_once": at_once,
        "questions": len(turns),
        "answers_by": llm.get("LLM__MODEL", "built-in rules"),
        "voice": voice["speaks"]["name"],
        "delays_s": [turn.delay_s for turn in turns if turn.delay_s is not None],
        "judged": sum(is_right is not None for _, is_right in judged),
        "understood": sum(bool(is_right) for _, is_right in judged),
        "cores": cores,
        "wrong": [
            [turn.question.text, turn.final, turn.answer]
            for turn, is_right in judged
            if is_right is False
        ],
    }


def _line(row: Row) -> list[str]:
    delays, questions = row["delays_s"], row["questions"]
    return [
        row["answers_by"],
        row["line"],
        str(row["at_once"]),
        str(questions),
        p50_p95(delays),
        percent(sum(seconds > 1.6 for seconds in delays), questions),
        str(questions - len(delays)),
        percent(row["understood"], row["judged"]),
        f"{row['cores']:.2f}",
    ]


def _write(path: Path, rows: Rows) -> None:
    found = rows.of("calls")
    voices = ", ".join(sorted({row["voice"] for row in found}))
    wrong = [
        f"- {said} → {final or answer}" for row in found for said, final, answer in row["wrong"]
    ]
    parts = [table(_HEAD, [_line(row) for row in found]), f"Both sides speak with `{voices}`."]
    if wrong:
        parts.append("Not understood:\n\n" + "\n".join(wrong))
    report(path, "From voice to voice", rows, _ABOUT, *parts)


async def main() -> None:
    """Measures, and writes the table after every row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voice_to_voice")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, N_CALLERS])
    parser.add_argument("--callers", type=int, default=N_CALLERS)
    parser.add_argument("--lines", nargs="+", choices=_LINES, default=list(_LINES))
    parser.add_argument("--llm", help="address of an OpenAI-compatible endpoint; adds rows")
    parser.add_argument("--llm-model", default="local", help="its model")
    parser.add_argument("--fresh", action="store_true", help="measure all anew")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "voice_to_voice.md")
    arguments = parser.parse_args()
    rows = Rows("voice_to_voice", fresh=arguments.fresh)
    models: list[dict[str, str]] = [{}]
    if arguments.llm:
        models.append({"LLM__BASE_URL": arguments.llm, "LLM__MODEL": arguments.llm_model})
    steps = {
        f"calls/{model.get('LLM__MODEL', 'rules')}/{line}/{at_once}": (line, at_once, model)
        for model in models
        for line in arguments.lines
        for at_once in arguments.at_once
    }
    asked = {n: _A_QUESTION_S * (_ALONE_ASKS * arguments.callers if n == 1 else 8)
             for n in arguments.at_once}  # fmt: skip
    expected = [(key, _START_S + asked[at_once]) for key, (_, at_once, _) in steps.items()]
    for key in pending(rows, expected):
        line, at_once, model = steps[key]
        row = rows.add(key, await measure(line, at_once, arguments.callers, model))
        print(" | ".join(_line(row)), flush=True)
        _write(arguments.output, rows)


if __name__ == "__main__":
    end_in_order()
    asyncio.run(main())
