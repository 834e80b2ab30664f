"""Twenty interrupted answers on the telephone: the model remembers what was heard."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import soxr

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.playing import measured
from tests.services.telephoning import stream_url
from tests.speech import speech
from voice_agent.audio.g711 import mulaw_encode
from voice_agent.audio.pcm import float_to_int16
from voice_agent.cli.http_probe import free_port
from voice_agent.client.twilio_call import RATE_HZ, TwilioCall, calling
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.long]

# words that take the same time each
N_WORDS = 24
EVEN = " ".join(["ten"] * N_WORDS) + "."


@dataclass(frozen=True)
class Interruption:
    """How an answer is interrupted (`speech`, `key` or `twice`), and on what line.

    Attributes:
        how: By what.
        after_s: After how much of it.
        line_s: So much later than it was sent its first audio is played.
        marks: `good`, `late` (by 0.3 s), `none`, `few` (one of four), `odd` (twice, and unknown).
    """

    how: str
    after_s: float
    line_s: float = 0.0
    marks: str = "good"


SCRIPTS = {
    "by speech": [Interruption("speech", s) for s in (0.1, 1.2, 2.3, 3.6, 5.0)],
    "otherwise": [
        Interruption("key", 0.2),
        Interruption("key", 2.6),
        Interruption("twice", 0.5),
        Interruption("twice", 1.9),
        Interruption("twice", 4.1),
    ],
    "on a late line": [
        Interruption("speech", 0.6, 0.5),
        Interruption("speech", 2.2, 1.5),
        Interruption("key", 1.3, 0.8),
        Interruption("twice", 2.9, 0.5),
        Interruption("speech", 4.4, 0.8),
    ],
    "with marks that cannot be relied on": [
        Interruption("speech", 2.1, marks="late"),
        Interruption("speech", 3.2, marks="none"),
        Interruption("key", 1.7, marks="none"),
        Interruption("speech", 2.8, 0.5, marks="few"),
        Interruption("key", 3.9, marks="odd"),
    ],
}


@pytest.fixture(scope="module")
def llm_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def service(llm_port: int) -> Generator[RunningService]:
    with running(
        "agent",
        TWILIO__INSECURE="true",
        TWILIO__KEY_PAUSE_S=0.2,
        LLM__BASE_URL=f"http://127.0.0.1:{llm_port}/v1",
        LLM__MODEL="scripted",
    ) as service:
        yield service


def returning(call: TwilioCall, marks: str) -> None:
    """Makes the call return its marks in another way."""
    honest = call._return_mark
    n_marks = 0

    async def return_mark(name: str, *, played: bool) -> None:
        nonlocal n_marks
        n_marks += 1
        match marks:
            case "late":
                asyncio.get_running_loop().call_later(
                    0.3, lambda: asyncio.ensure_future(honest(name, played=played))
                )
            case "few" if n_marks % 4 == 0:
                await honest(name, played=played)
            case "odd":
                await honest(f"no{name}", played=played)
                await honest(name, played=played)
                await honest(name, played=played)
            case _:
                pass

    if marks != "good":
        call._return_mark = return_mark


def heard_s(call: TwilioCall) -> float:
    """For how long the answer was heard, pauses included."""
    loud = np.flatnonzero(np.frombuffer(bytes(call.heard), np.uint8) != 0xFF)
    return float(loud[-1] - loud[0]) / RATE_HZ if len(loud) else 0.0


async def ask(call: TwilioCall, name: str) -> None:
    for key in name:
        await call.press(key)
    assert await call.wait(lambda: call.busy, 20)


async def interrupt(call: TwilioCall, how: str) -> None:
    if how == "speech":
        narrow = soxr.resample(speech("stop it please now"), ASR_SAMPLE_RATE_HZ, RATE_HZ)
        await call.say(bytes(mulaw_encode(float_to_int16(narrow.astype(np.float32)))))
    else:
        await call.press("9")
        if how == "twice":
            await call.wait(lambda: False, 0.35)
            await call.press("8")


async def remembered(
    service: RunningService, model: ScriptedModel, script: Interruption, name: str
) -> tuple[str, float]:
    """What the model is told of the answer that was interrupted, and what was heard of it."""
    async with calling(stream_url(service)) as call:
        returning(call, script.marks)
        await ask(call, name)
        await asyncio.sleep(script.line_s)
        await call.wait(lambda: False, script.after_s)
        await interrupt(call, script.how)
        assert await call.wait(lambda: bool(call.of("clear")), 5)
        ear_s = heard_s(call)
        n_questions = 3 if script.how == "twice" else 2
        assert await call.wait(lambda: bool(later(model, name, n_questions)), 10)
    answer = later(model, name, n_questions)[0][2]
    return answer["content"] if answer["role"] == "assistant" else "", ear_s


def later(model: ScriptedModel, name: str, n_questions: int) -> list[list[dict[str, Any]]]:
    """Requests about what came after the interruption."""
    return [
        messages
        for messages in model.asked
        if messages[1]["content"] == f"The caller pressed {' '.join(name)}."
        and sum(m["role"] == "user" for m in messages) == n_questions
    ]


async def word_s(service: RunningService) -> float:
    """How long a word takes."""
    async with calling(stream_url(service)) as call:
        await ask(call, "0")
        while await call.wait(lambda: call.busy, 1.0):
            await call.wait(lambda: not call.busy, 30)
        return heard_s(call) / N_WORDS


@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_model_remembers_what_was_heard(
    service: RunningService, llm_port: int, name: str
) -> None:
    model = ScriptedModel(answers=[EVEN])
    async with serving(model, llm_port), measured() as lateness:
        one_s = await word_s(service)
        found = await asyncio.gather(
            *(
                remembered(service, model, script, str(number + 1))
                for number, script in enumerate(SCRIPTS[name])
            )
        )
    for script, (heard, ear_s) in zip(SCRIPTS[name], found, strict=True):
        assert EVEN.startswith(heard.strip())
        words = ear_s / one_s
        assert abs(len(heard.split()) - int(words)) <= lateness.words(one_s), (script, words)
