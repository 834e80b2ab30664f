"""Twenty interrupted answers on the wire: the model remembers what was heard, within a word."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.conversing import ANSWER_RATE_HZ, Caller, conversing
from tests.services.playing import Loudspeaker, measured, playing
from tests.speech import speech
from voice_agent.cli.http_probe import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.long]

# words that take the same time each, as they are spoken and as they are written
N_WORDS = 24
EVEN = " ".join(["ten"] * N_WORDS) + "."
PERCENT = " ".join(["10%"] * N_WORDS) + "."
WORD_S: dict[str, float] = {}


@dataclass(frozen=True)
class Interruption:
    """How an answer is interrupted: `speech`, `typed`, `twice`, `button`, after some seconds."""

    how: str
    after_s: float
    player: dict[str, Any] = field(default_factory=dict[str, Any])


LATE: dict[str, Any] = {"silent": lambda since_s: since_s < 0.9}
# shorter than the time between two reports: what happens in between nobody tells
STUTTERING: dict[str, Any] = {"silent": lambda since_s: since_s % 0.5 > 0.4}
MUTE: dict[str, Any] = {"reports": None}
BOASTING: dict[str, Any] = {"reports": lambda played_ms: 10 * played_ms + 20_000}

SCRIPTS = {
    "by speech": [Interruption("speech", s) for s in (0.2, 1.1, 2.3, 3.7, 5.2)],
    "otherwise": [
        Interruption("typed", 0.0),
        Interruption("typed", 1.6),
        Interruption("button", 2.9),
        Interruption("twice", 2.2),
        Interruption("twice", 0.7),
    ],
    "on a bad loudspeaker": [
        Interruption("speech", 2.4, LATE),
        Interruption("typed", 0.5, LATE),
        Interruption("typed", 3.3, STUTTERING),
        Interruption("button", 1.9, STUTTERING),
        Interruption("speech", 4.1, STUTTERING),
    ],
    "without reports that can be used": [
        Interruption("speech", 1.7, MUTE),
        Interruption("typed", 3.1, MUTE),
        Interruption("twice", 2.6, MUTE),
        Interruption("typed", 1.3, BOASTING),
        Interruption("speech", 3.0, BOASTING),
    ],
}


@pytest.fixture(scope="module")
def llm_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def service(llm_port: int) -> Generator[RunningService]:
    url = f"http://127.0.0.1:{llm_port}/v1"
    with running("agent", LLM__BASE_URL=url, LLM__MODEL="scripted") as service:
        yield service


@asynccontextmanager
async def asked(
    service: RunningService, question: str, **player: Any
) -> AsyncGenerator[tuple[Caller, Loudspeaker]]:
    """A caller who has asked something, and hears the beginning of the answer."""
    async with conversing(service.ws) as caller, playing(Loudspeaker(caller, **player)) as speaker:
        await caller.ask(question)
        yield caller, speaker


async def interrupt(caller: Caller, how: str, name: str) -> None:
    match how:
        case "speech":
            await caller.play(speech("stop it please now"))
        case "button":
            await caller.say("interrupt")
            await caller.say("text", text=f"again {name}")
        case "twice":
            await caller.say("text", text=f"first {name}")
            await caller.say("text", text=f"again {name}")
        case _:
            await caller.say("text", text=f"again {name}")


async def remembered(
    service: RunningService, model: ScriptedModel, script: Interruption, name: str
) -> tuple[str, float]:
    """What the model is told of the answer that was interrupted, and what was played of it."""
    async with asked(service, f"question {name}", **script.player) as (caller, speaker):
        if script.after_s:
            await caller.until("audio_chunk", turn=1)
        async with caller.microphone():
            await asyncio.sleep(script.after_s)
        await interrupt(caller, script.how, name)
        async with caller.microphone():
            await caller.until("answer_end", turn=1)
            await caller.until_true(lambda: bool(later(model, script, name)))
        played_s = speaker.played_s.get(1, 0.0)
    answer = later(model, script, name)[0][2]
    return answer["content"] if answer["role"] == "assistant" else "", played_s


def later(model: ScriptedModel, script: Interruption, name: str) -> list[list[dict[str, Any]]]:
    """Requests about what came after the interruption."""
    n_questions = 3 if script.how == "twice" else 2
    return [
        messages
        for messages in model.asked
        if messages[1]["content"] == f"question {name}"
        and sum(m["role"] == "user" for m in messages) == n_questions
    ]


async def word_s(service: RunningService, text: str) -> float:
    """How long a word takes."""
    if text not in WORD_S:
        async with asked(service, "question whole") as (caller, _):
            await caller.until("answer_end")
        loud = np.flatnonzero(np.abs(caller.sound_of(1)) > 0.01)
        WORD_S[text] = float(loud[-1]) / ANSWER_RATE_HZ / N_WORDS
    return WORD_S[text]


@pytest.mark.parametrize("text", [EVEN, PERCENT], ids=["words", "numbers"])
@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_model_remembers_what_was_heard(
    service: RunningService, llm_port: int, name: str, text: str
) -> None:
    model = ScriptedModel(answers=[text])
    async with serving(model, llm_port), measured() as lateness:
        one_s = await word_s(service, text)
        found = await asyncio.gather(
            *(
                remembered(service, model, script, f"{name} {number}")
                for number, script in enumerate(SCRIPTS[name])
            )
        )
    for script, (heard, played_s) in zip(SCRIPTS[name], found, strict=True):
        assert text.startswith(heard.strip())
        words = played_s / one_s
        assert abs(len(heard.split()) - int(words)) <= lateness.words(one_s), (script, words)
