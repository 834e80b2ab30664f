"""On the telephone: the greeting, words that are no turn, and the end of a silent call."""

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import numpy as np
import pytest
import soxr

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.telephoning import stream_url
from tests.speech import pause, speech
from voice_agent.audio.g711 import mulaw_encode
from voice_agent.audio.pcm import float_to_int16
from voice_agent.cli.http_probe import free_port
from voice_agent.client.twilio_call import RATE_HZ, TwilioCall, calling
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.long]

GREETING = "Hello, this is the bakery. How can I help you?"
EVEN = " ".join(["ten"] * 24) + "."
IDLE_S = 1.5


class Phone:
    """An agent on the telephone whose language model is in the hands of the test."""

    def __init__(self, service: RunningService, llm_port: int) -> None:
        self._service = service
        self._llm_port = llm_port

    @asynccontextmanager
    async def call(self, *answers: str) -> AsyncGenerator[tuple[TwilioCall, ScriptedModel]]:
        model = ScriptedModel(answers=[*answers, "Yes."])
        async with (
            serving(model, self._llm_port),
            calling(stream_url(self._service)) as call,
        ):
            yield call, model


@pytest.fixture(scope="module")
def phone() -> Generator[Phone]:
    port = free_port()
    with running(
        "agent",
        TWILIO__INSECURE="true",
        TWILIO__KEY_PAUSE_S=0.2,
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
        CONVERSATION__GREETING=GREETING,
        CONVERSATION__IDLE_PROMPT_S=IDLE_S,
        CONVERSATION__MAX_IDLE_PROMPTS=1,
    ) as service:
        yield Phone(service, port)


def ulaw(*parts: Samples) -> bytes:
    narrow = soxr.resample(np.concatenate(parts), ASR_SAMPLE_RATE_HZ, RATE_HZ)
    return bytes(mulaw_encode(float_to_int16(narrow.astype(np.float32))))


def loud_s(call: TwilioCall) -> float:
    """For how long something was heard, pauses left out."""
    frames = np.frombuffer(bytes(call.heard), np.uint8).reshape(-1, 160)
    return float(np.any(frames != 0xFF, axis=1).sum()) * 0.02


async def heard_out(call: TwilioCall) -> None:
    """Hears what is said to its end."""
    assert await call.wait(lambda: call.busy, 20)
    while await call.wait(lambda: call.busy, 0.6):
        await call.wait(lambda: not call.busy, 30)


def said(model: ScriptedModel, number: int) -> list[tuple[str, str]]:
    """What the model was told with a request, without its instructions."""
    messages = model.asked[number]
    return [(m["role"], m["content"].strip()) for m in messages if m["role"] != "system"]


async def test_the_greeting_comes_with_the_call(phone: Phone) -> None:
    async with phone.call() as (call, model):
        assert await call.wait(lambda: bool(call.of("media")), 20)
        await heard_out(call)
        await call.press("1")
        await heard_out(call)
    assert said(model, 0) == [("assistant", GREETING), ("user", "The caller pressed 1.")]


async def test_the_answer_goes_on_after_a_back_channel(phone: Phone) -> None:
    async with phone.call(EVEN) as (call, model):
        await heard_out(call)
        greeting_s = loud_s(call)
        await call.press("1")
        assert await call.wait(lambda: call.busy, 20)
        await call.wait(lambda: False, 2.0)
        await call.say(ulaw(speech("okay"), pause(0.2)))
        assert await call.wait(lambda: bool(call.of("clear")), 5)
        await call.wait(lambda: call.busy, 5)
        await heard_out(call)
        answer_s = loud_s(call) - greeting_s
        await call.press("2")
        await heard_out(call)
    assert [role for role, _ in said(model, 1)] == ["assistant", "user", "assistant", "user"]
    assert said(model, 1)[2] == ("assistant", EVEN)
    # all of it, and at most a few words twice
    assert 24 * 0.25 < answer_s < 30 * 0.4
    # marks that came back after the clear count
    assert call.marks[-1][1] is True


async def test_an_interruption_after_a_back_channel_remembers_what_was_heard(
    phone: Phone,
) -> None:
    async with phone.call(EVEN) as (call, model):
        await heard_out(call)
        await call.press("1")
        assert await call.wait(lambda: call.busy, 20)
        n_before = len(call.heard)
        await call.wait(lambda: False, 1.5)
        await call.say(ulaw(speech("okay"), pause(0.2)))
        assert await call.wait(lambda: bool(call.of("clear")), 5)
        assert await call.wait(lambda: call.busy, 5)
        await call.wait(lambda: False, 1.5)
        await call.press("2")
        assert await call.wait(lambda: len(call.of("clear")) == 2, 5)
        frames = np.frombuffer(bytes(call.heard[n_before:]), np.uint8).reshape(-1, 160)
        ear_s = float(np.any(frames != 0xFF, axis=1).sum()) * 0.02
        assert await call.wait(lambda: len(model.asked) == 2, 10)
    heard = said(model, 1)[2][1]
    words = ear_s / 0.283  # as espeak says them
    # the word that was cut, and perhaps the one before it, was heard twice
    assert words - 4 <= len(heard.split()) <= words + 1


async def test_a_silent_caller_is_reminded_and_then_the_call_ends(phone: Phone) -> None:
    async with phone.call() as (call, _):
        await heard_out(call)
        ended_s = time.monotonic()
        assert await call.wait(lambda: call.busy, 10)  # are you still there?
        await heard_out(call)
        assert await call.wait(lambda: call.busy, 10)  # goodbye
        assert await call.wait(lambda: call.over, 10)
        assert time.monotonic() - ended_s > 2 * IDLE_S
    assert call.close_code == 1000
