"""Telephone calls at once: is everybody answered with what they said, and how soon?

``python -m benchmarks.calls [--calls 10] [--minutes 5]``

The service is the agent with the settings of the environment, but that it says again what it
has heard. Each caller says a number of its own, again and again, as Twilio would carry it; the
TTS service speaks it, and afterwards the ASR service listens to what every caller has heard.
"""

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil

from benchmarks.machine import machine
from benchmarks.services import port_of, service, serving, wait_until_ready
from benchmarks.stalls import Stalls
from benchmarks.voice_to_voice.callers import speak
from benchmarks.voice_to_voice.telephone import ask, on_the_line
from voice_agent.client.asr import AsrClient
from voice_agent.client.twilio_call import RATE_HZ, calling
from voice_agent.wire.asr import Final

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PAUSE_S = (0.5, 3.0)  # least and most that a caller waits before the number is said again
# numbers differ in so many digits: one is not taken for another
_APART = 3
_EXAMPLES = 12


@dataclass(slots=True)
class Turn:
    """A number was said.

    Attributes:
        heard: µ-law that the caller heard after it.
        delay_s: From the last sound of the number to the first of the answer.
        number: What is heard in the answer, in digits.
    """

    heard: bytes
    delay_s: float | None
    number: str = ""


@dataclass(slots=True)
class Caller:
    """One call, and what came of it.

    Attributes:
        said: The number, as a telephone carries it.
    """

    number: str
    said: bytes
    turns: list[Turn] = field(default_factory=list[Turn])
    odd: int = 0
    ended: bool = False

    async def call(self, url: str, seconds: float) -> None:
        """Says the number until the time is up."""
        chance = random.Random(self.number)
        await asyncio.sleep(chance.uniform(0, 3))
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        async with calling(url, timeout_s=30) as call:
            while loop.time() < until_s and not call.over:
                await call.wait(lambda: False, chance.uniform(*_PAUSE_S))
                heard, delay_s = await ask(call, self.said)
                self.turns.append(Turn(heard, delay_s))
            self.odd, self.ended = sum(call.odd.values()), call.over


def numbers(count: int) -> list[str]:
    """Numbers of four digits that nobody mistakes for each other."""
    chance = random.Random(4)
    found: list[str] = []
    while len(found) < count:
        number = f"{chance.randrange(10_000):04}"
        if all(
            sum(a != b for a, b in zip(number, other, strict=True)) >= _APART for other in found
        ):
            found.append(number)
    return found


async def made(count: int) -> list[Caller]:
    """Callers whose numbers are spoken beforehand: nobody shall wait for it later."""
    with service("tts") as url:
        return [
            Caller(number, on_the_line((await speak(url, index, [_sentence(number)]))[0].samples))
            for index, number in enumerate(numbers(count))
        ]


def _sentence(number: str) -> str:
    return f"The number is {' '.join(_DIGITS[int(digit)] for digit in number)}."


async def listen(callers: list[Caller]) -> None:
    """Finds the numbers in what was heard."""
    with serving("asr") as (_, port):
        for caller in callers:
            for turn in caller.turns:
                turn.number = digits(await _text(f"ws://127.0.0.1:{port}/ws", turn.heard))


async def _text(url: str, ulaw: bytes) -> str:
    async with AsrClient.connect(url) as asr:
        await asr.configure(encoding="mulaw", sample_rate=RATE_HZ)
        await asr.send(ulaw)
        await asr.close()
        return " ".join([message.text async for message in asr if isinstance(message, Final)])


def digits(text: str) -> str:
    """The digits that a text names."""
    words = re.findall(r"[a-z]+|\d", text.lower())
    return "".join(
        str(_DIGITS.index(w)) if w in _DIGITS else w for w in words if w in _DIGITS or w.isdigit()
    )


@contextmanager
def _agent() -> "Generator[tuple[subprocess.Popen[str], int]]":
    environment = os.environ | {"VOICE_AGENT_TWILIO__INSECURE": "true"}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serve", "repeating", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        port = port_of(process)
        wait_until_ready(process, f"http://127.0.0.1:{port}/readyz")
        yield process, port
    finally:
        process.terminate()
        process.communicate(timeout=60)


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=5.0)
    arguments = parser.parse_args()
    callers = await made(arguments.calls)
    with _agent() as (process, port):
        service = psutil.Process(process.pid)
        engines = httpx2.get(f"http://127.0.0.1:{port}/v1/info").json()["engines"]
        httpx2.get(f"http://127.0.0.1:{port}/stalls")
        before_s, waited_s, load = _cpu_s(service), _waited_s(process.pid), Stalls()
        url = f"ws://127.0.0.1:{port}/twilio/stream"
        seconds = arguments.minutes * 60
        await asyncio.gather(*(caller.call(url, seconds) for caller in callers))
        load.stop()
        cores = (_cpu_s(service) - before_s) / seconds
        waited = (_waited_s(process.pid) - waited_s) / seconds
        stalls = httpx2.get(f"http://127.0.0.1:{port}/stalls").json()
    await listen(callers)
    named = ", ".join(f"{engine['name']} {engine['model']}" for engine in engines.values())
    print(f"{machine()}; {named}\n")
    report(callers, stalls, load.summary(), (cores, waited), arguments.minutes)


def _cpu_s(process: psutil.Process) -> float:
    """Of a process and its children, so far."""
    times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def _waited_s(pid: int) -> float:
    """How long a process's main thread was ready to run and did not, so far (Linux)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def report(
    callers: list[Caller],
    stalls: dict[str, Any],
    load: dict[str, Any],
    used: tuple[float, float],
    minutes: float,
) -> None:
    """Prints what came of it.

    Args:
        callers: All of them.
        stalls: Of the service's loop.
        load: Of our own.
        used: Cores, and the part of the time that was waited for one.
        minutes: How long they called.
    """
    turns = [(caller, turn) for caller in callers for turn in caller.turns]
    others = {caller.number for caller in callers}
    right = sum(turn.number == caller.number for caller, turn in turns)
    crossed = sum(turn.number in others - {caller.number} for caller, turn in turns)
    wrong = [f"{c.number} as {t.number or 'nothing'}" for c, t in turns if t.number != c.number]
    delays_ms = [turn.delay_s * 1000 for _, turn in turns if turn.delay_s is not None]
    p50, p95, p99 = np.percentile(delays_ms or [0.0], (50, 95, 99))
    print(
        f"- {len(callers)} calls, {minutes:g} minutes, {len(turns)} numbers said, "
        f"{len(delays_ms)} answered\n"
        f"- the own number came back {right} times, another caller's {crossed} times, "
        f"misheard {len(wrong) - crossed} times: {', '.join(wrong[:_EXAMPLES])}\n"
        f"- caller stops → first sound of the answer: p50 {p50:.0f}, p95 {p95:.0f}, "
        f"p99 {p99:.0f} ms\n"
        f"- the service used {used[0]:.2f} cores; its main thread waited for a processor "
        f"{used[1]:.1%} of the time\n"
        f"- calls that the service ended: {sum(caller.ended for caller in callers)}; "
        f"what Twilio would complain about: {sum(caller.odd for caller in callers)}\n"
        f"- its loop, more than 20 ms late: {_late(stalls)}\n"
        f"- the load generator's loop: {_late(load)}"
    )
    for where, count in stalls["where"]:
        print(f"  {count} × {where}")


def _late(stalls: dict[str, Any]) -> str:
    ours, waited = stalls["ours_ms"], stalls["waited_ms"]
    return (
        f"{len(ours)} times by its own code (at most {max(ours, default=0):.0f} ms), "
        f"{len(waited)} times without a processor or lock "
        f"(at most {max(waited, default=0):.0f} ms), of {stalls['beats']} looks"
    )


if __name__ == "__main__":
    asyncio.run(main())
