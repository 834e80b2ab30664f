"""The agent over the ASR and TTS services: to its callers it is the same."""

import asyncio
import json
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.cli.command import COMMAND, ROOT, environment
from tests.scripted_llm import ScriptedModel, serving
from tests.services.caller import call
from tests.services.conftest import RunningService, running
from tests.services.conversing import conversing
from tests.services.test_agent_conversation import (
    test_a_spoken_question_is_answered_in_speech,
    test_an_answer_that_is_replaced_ends_before_the_next_begins,
    test_interrupt_stops_the_answer,
    test_speech_interrupts_the_answer_at_once,
    test_two_callers_do_not_mix,
    test_what_the_client_played_counts_as_heard,
)
from tests.services.test_direct import test_the_agent_serves_the_direct_bot_too
from tests.speech import GOOD_VOICE, pause, speech
from voice_agent.audio.pcm import float_to_int16
from voice_agent.cli.http_probe import free_port, get_json

__all__ = [
    "test_a_spoken_question_is_answered_in_speech",
    "test_an_answer_that_is_replaced_ends_before_the_next_begins",
    "test_interrupt_stops_the_answer",
    "test_speech_interrupts_the_answer_at_once",
    "test_the_agent_serves_the_direct_bot_too",
    "test_two_callers_do_not_mix",
    "test_what_the_client_played_counts_as_heard",
]

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DATE = "what is the date today"
_PATIENCE_S = 30.0


@contextmanager
def remote_agent(asr: str, tts: str, **settings: Any) -> Generator[RunningService]:
    """An agent without engines of its own."""
    with running(
        "agent",
        ASR__ENGINE="remote",
        ASR__MODEL="",
        ASR__URL=asr,
        TTS__ENGINE="remote",
        TTS__URL=tts,
        **settings,
    ) as service:
        yield service


@pytest.fixture(scope="module")
def agent(asr: RunningService, tts: RunningService) -> Generator[RunningService]:
    with remote_agent(asr.ws, tts.ws) as service:
        yield service


def test_it_says_where_it_hears_and_speaks(
    agent: RunningService, asr: RunningService, tts: RunningService
) -> None:
    engines = httpx2.get(f"{agent.http}/v1/info").json()["engines"]
    assert (engines["hears"]["name"], engines["hears"]["device"]) == ("remote", asr.ws)
    assert engines["hears"]["model"] == "whisper whisper-micro"
    assert (engines["speaks"]["name"], engines["speaks"]["device"]) == ("remote", tts.ws)
    assert engines["speaks"]["model"].startswith("espeak")
    assert "judges_turns" not in engines


async def test_a_session_holds_one_slot_of_each_service(
    agent: RunningService, asr: RunningService, tts: RunningService
) -> None:
    def held() -> list[int]:
        urls = (f"{service.http}/readyz" for service in (asr, tts))
        return [httpx2.get(url).json()["sessions"] for url in urls]

    before = held()
    async with conversing(agent.ws) as caller:
        await caller.ask("hello")
        await caller.until("answer_end")
        assert held() == [n + 1 for n in before]
    deadline_s = time.monotonic() + _PATIENCE_S
    while held() != before:
        assert time.monotonic() < deadline_s, "a session at a service outlives its caller"
        await asyncio.sleep(0.1)


async def test_what_a_client_sets_reaches_the_service(agent: RunningService) -> None:
    async with conversing(agent.ws) as caller:
        await caller.say("config", turn_detection="none", words=False, sample_rate=16_000)
        await caller.play(pause(0.5), speech(DATE), pause(1.0))
        assert caller.of("final") == []
        await caller.say("finalize")
        final = (await caller.until("final")).message
        assert final["ended_by"] == "client"
        assert final["words"] == []
        await caller.say("config", language="xx")
        error = (await caller.until("error")).message
        assert "does not understand the language xx" in error["message"]


async def test_closing_waits_for_the_last_final(agent: RunningService) -> None:
    async with conversing(agent.ws) as caller:
        await caller.socket.send(float_to_int16(speech(DATE)).tobytes())
        await caller.say("close")
        assert await caller.ended() == 1000
    assert [h.message["text"] for h in caller.of("final")] == [DATE]


async def test_a_question_is_thought_about_before_silence_has_ended_it(
    asr: RunningService, tts: RunningService
) -> None:
    model, port = ScriptedModel(["It is late."]), free_port()
    thinking = remote_agent(
        asr.ws,
        tts.ws,
        CONVERSATION__SPECULATIVE=True,
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
    )
    with thinking as service:
        async with serving(model, port), conversing(service.ws) as caller:
            await caller.say("config", turn_detection="silence", silence_ms=2500)
            await caller.play(pause(0.5), speech(DATE))
            async with caller.microphone(), asyncio.timeout(_PATIENCE_S):
                await model.came.wait()
                assert caller.of("partial")[-1].message["at_pause"]
                assert caller.of("final") == caller.of("answer_start") == []
                await caller.until("answer_end")
            assert [h.message["text"] for h in caller.of("final")] == [DATE]
    assert [asked[-1]["content"] for asked in model.asked] == [DATE]


async def test_a_voice_of_the_service_is_the_agents(asr: RunningService) -> None:
    with (
        running("tts") as tts,
        remote_agent(asr.ws, tts.ws, TTS__VOICE=GOOD_VOICE) as agent,
        remote_agent(asr.ws, tts.ws, TTS__VOICE="nobody") as mute,
    ):
        async with conversing(agent.ws) as caller:
            turn = await caller.ask("hello")
            await caller.until("audio_chunk", turn=turn)
        async with conversing(mute.ws) as caller:
            await caller.ask("hello")
            assert (await caller.until("error")).message["code"] == "voice_not_found"


async def test_the_next_address_is_used_when_the_first_is_full(
    asr: RunningService, tts: RunningService
) -> None:
    with running("asr", SERVER__MAX_SESSIONS=1) as full:
        async with call(full.ws):
            with remote_agent(f"{full.ws},{asr.ws}", tts.ws) as agent:
                async with conversing(agent.ws) as caller:
                    await caller.play(pause(0.3), speech(DATE))
                    await caller.say("finalize")
                    await caller.until("final")


async def test_an_agent_whose_service_is_full_says_so_and_takes_nobody(
    tts: RunningService,
) -> None:
    with (
        running("asr", SERVER__MAX_SESSIONS=1) as full,
        remote_agent(full.ws, tts.ws) as agent,
    ):
        async with call(full.ws):
            state = until_unready(agent.http)
            assert state["reasons"] == [f"the asr service at {full.ws}: no free slot"]
            async with connect(agent.ws) as refused:
                error = json.loads(await refused.recv())
                assert (error["code"], error["message"]) == ("at_capacity", state["reasons"][0])


def until_unready(http: str) -> dict[str, list[str]]:
    """What ``/readyz`` says, as soon as it is no."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        state = get_json(f"{http}/readyz") or {"reasons": []}
        if state["reasons"] and state["reasons"] != ["engines are loading"]:
            return state
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_a_wrong_address_is_one_sentence_and_a_reason() -> None:
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, "serve", "agent", "--port", str(port), "--asr-url", "localhost:9"],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        state = until_unready(f"http://127.0.0.1:{port}")
        assert state["reasons"] == ["no asr service answers at ws://localhost:9/ws"]
    finally:
        process.terminate()
        _, log = process.communicate(timeout=_PATIENCE_S)
    assert log.count("no asr service answers at ws://localhost:9/ws") == 1
