"""What a caller notices when services are killed in the middle of turns: ``make kill-services``.

One conversation with the agent of a real ``voice-agent up``, in real time. In every round the
ASR service dies in the middle of a sentence, the TTS service in the middle of an answer, and
the language model (a scripted one, in a process of its own) too, all by SIGKILL. The services
come back as `voice-agent up` starts them again.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.machine import machine
from benchmarks.services import wait_until_ready
from tests.cli.test_cli_up import free_ports
from tests.phone_talk import MODEL
from tests.services.conversing import Caller, Heard, conversing, seconds
from tests.services.killed_llm import ANSWER, Model
from tests.speech import error_rate, pause, speech

_SENTENCES = (
    "i would like to have some water please",
    "send it to anna in berlin",
    "what is the weather like in london today",
    "can you tell me where the station is",
    "i want to book a table for two people on friday evening",
)
_WITHIN_S = 90.0
# five deaths of a service within a minute, and `voice-agent up` leaves it alone
_BETWEEN_S = 16.0
_MODEL_AWAY_S = 1.0


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill.

    Attributes:
        what: Which service.
        words: That were said, by the caller or the agent.
        lost: How many of them did not arrive.
        silence_s: The longest that the caller heard nothing while waiting.
        filler: Whether a filler was heard.
    """

    what: str
    words: int
    lost: int
    silence_s: float
    filler: bool


class Services:
    """What `voice-agent up` keeps running."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._up = psutil.Process(process.pid)
        self._killed_s: dict[str, float] = {}

    async def due(self, name: str) -> None:
        """Waits until a service may die again."""
        since_s = time.monotonic() - self._killed_s.get(name, -_BETWEEN_S)
        await asyncio.sleep(max(0.0, _BETWEEN_S - since_s))

    def kill(self, name: str) -> None:
        """Ends a service at once."""
        self._killed_s[name] = time.monotonic()
        next(child for child in self._up.children() if name in child.cmdline()).kill()


@contextmanager
def running(model: Model) -> Generator[tuple[Services, str]]:
    """All services; gives them and the agent's address."""
    port = free_ports()
    settings = {
        "ASR__ENGINE": "whisper",
        "ASR__MODEL": str(MODEL),
        "REMOTE__GIVE_UP_S": "60",
        "LLM__BASE_URL": model.url,
        "LLM__MODEL": "scripted",
    }
    environment = os.environ | {f"VOICE_AGENT_{key}": value for key, value in settings.items()}
    command = [sys.executable, "-m", "voice_agent.cli", "up", "--port", str(port)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment
    )
    try:
        wait_until_ready(process, f"http://127.0.0.1:{port}/readyz")
        yield Services(process), f"ws://127.0.0.1:{port}/ws"
    finally:
        process.terminate()
        process.wait(60)


async def kill_hearing(caller: Caller, services: Services, sentence: str) -> Kill:
    """In the middle of a sentence."""
    await services.due("asr")
    n_finals, first = len(caller.of("final")), len(caller.heard)
    samples = speech(sentence)
    await caller.play(pause(0.5), samples[: len(samples) // 2])
    services.kill("asr")
    said_s = await caller.play(samples[len(samples) // 2 :])
    async with caller.microphone():
        await caller.until_true(lambda: len(caller.of("final")) > n_finals, _WITHIN_S)
        await caller.until_true(lambda: bool(_answer(caller, first)), _WITHIN_S)
        await _all_ended(caller)
    final = caller.of("final")[n_finals].message["text"]
    words = len(sentence.split())
    lost = round(error_rate(sentence, final) * words)
    begins_s = _answer(caller, first)[0].at_s
    chunks = [h for h in _audio(caller, first) if h.at_s <= begins_s]
    return Kill("ASR", words, lost, _longest_silence_s(chunks, said_s), _filler(caller, first))


async def kill_in_an_answer(
    caller: Caller, what: str, kill: "asyncio.Future[None] | asyncio.Task[None]", first: int
) -> Kill:
    """Hears the answer to the end, while something dies."""
    turn = await caller.ask("where is my order")
    asked_s = time.monotonic()
    await caller.until_true(lambda: bool(caller.of("answer_end", turn)), _WITHIN_S)
    await kill
    heard = caller.of("answer_end", turn)[0].message["heard_text"].split()
    words = ANSWER.split()
    silence_s = _longest_silence_s(_audio(caller, first), asked_s)
    return Kill(what, len(words), len(words) - len(heard), silence_s, _filler(caller, first))


async def one_round(
    caller: Caller, services: Services, model: Model, chance: random.Random
) -> list[Kill]:
    """Each of the three dies once."""
    kills = [await kill_hearing(caller, services, chance.choice(_SENTENCES))]
    await services.due("tts")

    async def kill_voice() -> None:
        await asyncio.sleep(chance.uniform(0.0, 1.5))
        services.kill("tts")

    async def kill_model() -> None:
        await asyncio.sleep(chance.uniform(0.0, 1.5))
        model.kill()
        await asyncio.sleep(_MODEL_AWAY_S)
        await asyncio.to_thread(model.start)

    for what, kill in (("TTS", kill_voice), ("LLM", kill_model)):
        killing = asyncio.create_task(kill())
        kills.append(await kill_in_an_answer(caller, what, killing, len(caller.heard)))
    return kills


async def measure(rounds: int, services: Services, model: Model, url: str) -> list[Kill]:
    """One conversation for all rounds."""
    chance = random.Random(rounds)
    kills: list[Kill] = []
    async with conversing(url) as caller:
        await caller.ask("hello")
        await _all_ended(caller)
        for number in range(rounds):
            kills += await one_round(caller, services, model, chance)
            print(number + 1, *kills[-3:], sep="\n  ", flush=True)
        await caller.say("ping", id=1)
        await caller.until("pong")
    return kills


def report(kills: Sequence[Kill]) -> str:
    """The result as Markdown; the conversation was the same to its end."""
    rows = [
        "| killed | times | call survived | words said | words lost | filler heard | "
        "longest silence, median / most |",
        "|---|---|---|---|---|---|---|",
    ]
    for what in ("ASR", "TTS", "LLM"):
        of = [kill for kill in kills if kill.what == what]
        silences = [kill.silence_s for kill in of]
        rows.append(
            f"| {what} | {len(of)} | {len(of)} | {sum(k.words for k in of)} | "
            f"{sum(k.lost for k in of)} | {sum(k.filler for k in of)} | "
            f"{statistics.median(silences):.1f} / {max(silences):.1f} s |"
        )
    return (
        "# Services killed in the middle of turns\n\n"
        f"`make kill-services` on\n{machine()}.\n\n"
        "One conversation over `voice-agent up`; each service is killed by SIGKILL and started\n"
        "again by it, the language model by the test after a second. ASR dies in the middle of a\n"
        "sentence (words of it that were not recognised count as lost, the test recogniser's own\n"
        "errors among them), TTS and the language model in the middle of an answer (words of it\n"
        "that were not heard). Silence is the longest stretch in which the caller, waiting, heard\n"
        "nothing; a filler parts it.\n\n" + "\n".join(rows) + "\n"
    )


async def _all_ended(caller: Caller) -> None:
    await caller.until_true(
        lambda: len(caller.of("answer_end")) == len(caller.of("answer_start")), _WITHIN_S
    )


def _audio(caller: Caller, first: int) -> list[Heard]:
    return [h for h in caller.heard[first:] if h.kind == "audio_chunk"]


def _answer(caller: Caller, first: int) -> list[Heard]:
    """The audio that is no phrase's: it covers text."""
    return [h for h in _audio(caller, first) if h.message["text_end"] > h.message["text_start"]]


def _filler(caller: Caller, first: int) -> bool:
    return any(h.message.get("phrase") for h in _audio(caller, first))


def _longest_silence_s(chunks: Sequence[Heard], from_s: float) -> float:
    """While chunks are played one after another as they come."""
    longest_s, played_s = 0.0, from_s
    for chunk in chunks:
        longest_s = max(longest_s, chunk.at_s - played_s)
        duration_s = 0.0 if chunk.sound is None else seconds(chunk.sound)
        played_s = max(played_s, chunk.at_s) + duration_s
    return longest_s


def main() -> None:
    """Prints the report, and writes it where it is asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = Model()
    model.start()
    try:
        with running(model) as (services, url):
            kills = asyncio.run(measure(options.rounds, services, model, url))
    finally:
        model.kill()
    text = report(kills)
    print(text)
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
