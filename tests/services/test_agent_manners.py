"""What the real agent says of its own accord, and what it does not take for a turn."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import numpy as np
import pytest

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.conversing import Caller, conversing
from tests.speech import pause, speech
from voice_agent.audio.pcm import float_to_int16
from voice_agent.cli.http_probe import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.long]

GREETING = "Hello, this is the bakery. How can I help you?"
EVEN = " ".join(["ten"] * 24) + "."


class Agent:
    """An agent whose language model is in the hands of the test."""

    def __init__(self, service: RunningService, llm_port: int) -> None:
        self.service = service
        self._llm_port = llm_port

    @asynccontextmanager
    async def call(self, *answers: str) -> AsyncGenerator[tuple[Caller, ScriptedModel]]:
        model = ScriptedModel(answers=[*answers, "Yes."])
        async with serving(model, self._llm_port), conversing(self.service.ws) as caller:
            yield caller, model


@pytest.fixture(scope="module")
def agent_port() -> int:
    return free_port()


def agent_with(llm_port: int, **settings: Any) -> AbstractContextManager[RunningService]:
    url = f"http://127.0.0.1:{llm_port}/v1"
    return running("agent", LLM__BASE_URL=url, LLM__MODEL="scripted", **settings)


@pytest.fixture(scope="module")
def polite(agent_port: int) -> Generator[Agent]:
    with agent_with(agent_port, CONVERSATION__GREETING=GREETING) as service:
        yield Agent(service, agent_port)
        assert not [line for line in service.log if "ERROR" in line], "".join(service.log)
        assert not [line for line in service.log if "bakery" in line]


def said(model: ScriptedModel, number: int) -> list[tuple[str, str]]:
    """What the model was told with a request, without its instructions."""
    messages = model.asked[number]
    return [(m["role"], m["content"].strip()) for m in messages if m["role"] != "system"]


async def test_the_greeting_is_heard_at_once_and_remembered(polite: Agent) -> None:
    async with polite.call() as (caller, model):
        first = await caller.until("audio_chunk")
        assert first.at_s - caller.of("ready")[0].at_s < 0.3
        end = await caller.until("answer_end")
        assert end.message["heard_text"] == GREETING == caller.text_of(1)
        assert caller.of("latency") == []
        await caller.ask("hello")
        await caller.until("answer_end", 2)
    assert said(model, 0) == [("assistant", GREETING), ("user", "hello")]


async def test_a_greeting_is_interrupted_and_remembered_as_far_as_it_was_heard(
    polite: Agent,
) -> None:
    async with polite.call() as (caller, model):
        await caller.until("audio_chunk")
        await asyncio.sleep(1.0)
        await caller.ask("hello")
        await caller.until("answer_end", 2)
    (role, content), question = said(model, 0)
    assert (role, question) == ("assistant", ("user", "hello"))
    assert GREETING.startswith(content)
    assert 0 < len(content) < len(GREETING) / 2
    assert caller.of("answer_end")[0].message["heard_text"] == content


async def test_who_speaks_before_the_greeting_is_over_is_answered(polite: Agent) -> None:
    async with polite.call() as (caller, model):
        await caller.play(pause(0.3), speech("what time is it"))
        async with caller.microphone():
            await caller.until("audio_chunk", turn=2)
    assert said(model, 0)[-1][0] == "user"
    assert len(said(model, 0)) <= 2


async def mid_answer(caller: Caller, after_s: float = 2.5) -> int:
    """Waits until a long answer has been heard for a while."""
    await caller.until("answer_end")  # of the greeting
    turn = await caller.ask("count")
    await caller.until("audio_chunk", turn=turn)
    async with caller.microphone():
        await asyncio.sleep(after_s)
    return turn


async def goes_on_after(agent: Agent, word: str) -> Caller:
    """A caller who has said a word into an answer, and heard the rest of it."""
    async with agent.call(EVEN) as (caller, model):
        turn = await mid_answer(caller)
        await caller.play(speech(word))
        async with caller.microphone():
            end = await caller.until("answer_end", turn=turn)
            await caller.until("final")
    assert (end.message["interrupted"], end.message["heard_text"].strip()) == (False, EVEN)
    assert len(model.asked) == 1
    [clear] = caller.of("clear")
    assert clear.at_s - caller.of("speech_start")[0].at_s < 0.1
    chunks = caller.of("audio_chunk", turn)
    assert [h.message["chunk_id"] for h in chunks] == list(range(len(chunks)))
    # it goes on with the word that was cut
    before = [h.message["text_end"] for h in chunks if h.at_s < clear.at_s]
    again = [h.message for h in chunks if h.at_s > clear.at_s]
    assert 4 <= again[0]["text_start"] < max(before)
    # all of the rest is said again
    ends = [message["text_end"] for message in again]
    assert ends == sorted(ends)
    assert ends[-1] >= len(EVEN)
    return caller


@pytest.mark.parametrize("word", ["okay", "yes"])
async def test_the_answer_goes_on_after_a_back_channel(polite: Agent, word: str) -> None:
    await goes_on_after(polite, word)


async def test_it_goes_on_too_when_the_services_hear_and_speak(
    asr: RunningService, tts: RunningService, agent_port: int
) -> None:
    elsewhere = {
        "ASR__ENGINE": "remote",
        "ASR__URL": asr.ws,
        "TTS__ENGINE": "remote",
        "TTS__URL": tts.ws,
        "CONVERSATION__GREETING": GREETING,
    }
    with agent_with(agent_port, **elsewhere) as service:
        await goes_on_after(Agent(service, agent_port), "okay")


async def test_a_cough_lets_the_answer_go_on(polite: Agent) -> None:
    noise = np.random.default_rng(3).normal(0, 0.15, 4_000).astype(np.float32)
    cough = noise * np.hanning(len(noise)).astype(np.float32)
    async with polite.call(EVEN) as (caller, model):
        turn = await mid_answer(caller)
        await caller.play(cough, pause(0.4), cough)
        async with caller.microphone():
            end = await caller.until("answer_end", turn=turn)
    assert end.message["interrupted"] is False
    assert len(model.asked) == 1


async def test_other_words_interrupt_within_100_ms(polite: Agent) -> None:
    async with polite.call(EVEN) as (caller, model):
        turn = await mid_answer(caller)
        await caller.play(speech("stop it please now"))
        async with caller.microphone():
            end = await caller.until("answer_end", turn=turn)
            await caller.until("answer_end", turn=turn + 1)
    [clear] = caller.of("clear")
    assert clear.at_s - caller.of("speech_start")[0].at_s < 0.1
    assert [h for h in caller.of("audio_chunk", turn) if h.at_s > clear.at_s] == []
    assert end.message["interrupted"] is True
    assert said(model, 1)[-2] == ("assistant", end.message["heard_text"].strip())


async def test_yes_to_a_question_is_a_turn(polite: Agent) -> None:
    async with polite.call(f"Shall I book it? {EVEN}") as (caller, model):
        await mid_answer(caller, 1.6)
        await caller.play(speech("yes please"))
        async with caller.microphone():
            await caller.until("answer_start", 3)
            await caller.until_true(lambda: len(model.asked) == 2)
    assert "yes" in said(model, 1)[-1][1].lower()


async def test_a_client_that_closes_hears_the_answer_to_its_question(polite: Agent) -> None:
    async with polite.call("That is all.") as (caller, _):
        await caller.until("answer_end")
        pcm = float_to_int16(np.concatenate([pause(0.3), speech("what time is it")])).tobytes()
        await caller.socket.send(pcm)
        await caller.say("close")
        assert await caller.ended() == 1000
    assert caller.of("answer_end")[-1].message["heard_text"].strip() == "That is all."


async def test_a_silent_caller_is_reminded_and_then_left(agent_port: int) -> None:
    settings = {
        "CONVERSATION__IDLE_PROMPT_S": 0.8,
        "CONVERSATION__IDLE_PROMPT": "Hello?",
        "CONVERSATION__MAX_IDLE_PROMPTS": 2,
        "CONVERSATION__GOODBYE": "Bye.",
    }
    with agent_with(agent_port, **settings) as service:
        async with Agent(service, agent_port).call("Right.") as (caller, model):
            await caller.ask("hello")
            async with caller.microphone():
                end = await caller.until("answer_end")
                await caller.until("answer_start", 2)
                assert time.monotonic() - end.at_s > 0.4
                await caller.until("answer_end", 2)
                await caller.ask("still here")
                assert await caller.ended() == 1000
        texts = [caller.text_of(turn).strip() for turn in range(1, 7)]
        assert texts == ["Right.", "Hello?", "Yes.", "Hello?", "Hello?", "Bye."]
        assert said(model, 1) == [
            ("user", "hello"),
            ("assistant", "Right."),
            ("assistant", "Hello?"),
            ("user", "still here"),
        ]


async def llm_ms(service: RunningService, llm_port: int) -> float:
    """How long a caller waits for a slow model, where silence has to end the turn."""
    model = ScriptedModel(answers=["Yes."], first_delay_s=0.8)
    async with serving(model, llm_port), conversing(service.ws) as caller:
        await caller.say("config", turn_detection="silence", silence_ms=1600)
        await caller.until("configured")
        await caller.play(pause(0.3), speech("what time is it"))
        async with caller.microphone():
            stages = (await caller.until("latency")).message["stages"]
        assert len(model.asked) == 1
        assert caller.of("answer_start")[0].at_s > caller.of("final")[0].at_s
    return next(stage["ms"] for stage in stages if stage["name"] == "llm")


async def test_an_answer_that_was_begun_at_the_pause_is_there_at_once(agent_port: int) -> None:
    with agent_with(agent_port) as service:
        waited_ms = await llm_ms(service, agent_port)
    with agent_with(agent_port, CONVERSATION__SPECULATIVE="true") as service:
        begun_ms = await llm_ms(service, agent_port)
    assert waited_ms > 750
    assert begun_ms < waited_ms - 600
