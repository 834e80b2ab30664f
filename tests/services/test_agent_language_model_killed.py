"""The agent when its language model dies, comes back, or does not; `make kill-llm` does more."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from tests.scripted_llm import Script, ScriptedModel, serving
from tests.services.conftest import running
from tests.services.conversing import conversing
from tests.services.killed_llm import agent_of, killed_in_a_turn, models
from tests.services.telephoning import stream_url
from voice_agent.audio.g711 import mulaw_decode
from voice_agent.cli.http_probe import free_port
from voice_agent.client.twilio_call import calling

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.long]


async def test_a_model_that_is_killed_and_comes_back_answers() -> None:
    with models(1) as (model,), agent_of([model]) as service:
        async with conversing(service.ws) as caller:
            await killed_in_a_turn(caller, model, after_s=0.0, away_s=0.5)


async def test_another_model_goes_on_where_one_was_killed() -> None:
    with models(2) as (model, other), agent_of([model, other]) as service:
        async with conversing(service.ws) as caller:
            await killed_in_a_turn(caller, model, after_s=1.0, away_s=0.0)


async def test_a_filler_is_heard_before_a_late_answer() -> None:
    port = free_port()
    with running(
        "agent",
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
        LLM__FILLER_AFTER_MS=300,
    ) as service:
        model = ScriptedModel(["Here it is."], first_delay_s=4)
        async with serving(model, port), conversing(service.ws) as caller:
            turn = await caller.ask("where is it")
            asked_s = caller.of("answer_start", turn)[0].at_s
            assert (await caller.until("audio_chunk", turn=turn)).at_s - asked_s < 3
            end = (await caller.until("answer_end", turn=turn)).message
    assert end["heard_text"].strip() == "Here it is."
    at_s = [chunk.at_s for chunk in caller.of("audio_chunk", turn)]
    assert max(later - sooner for sooner, later in pairwise(at_s)) > 1  # filler, wait, answer


async def test_a_caller_on_the_phone_hears_an_apology_and_may_ask_again() -> None:
    port = free_port()
    with running(
        "agent",
        TWILIO__INSECURE="true",
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
        LLM__TIMEOUT_S=1,
        CONVERSATION__FILLER="",
    ) as service:
        async with calling(stream_url(service)) as call:
            await call.press("1")
            assert await call.wait(lambda: len(call.of("media")) > 100, 20)  # two seconds
            while call.busy:
                await call.wait(lambda: not call.busy, 30)
            apology = np.abs(mulaw_decode(bytes(call.heard)).astype(int))
            assert apology.max() > 1000
            n_before = len(call.of("media"))
            async with serving(ScriptedModel(["Now I am here."]), port):
                await call.press("2")
                assert await call.wait(lambda: len(call.of("media")) > n_before + 20, 20)
        assert call.close_code == 1000


async def test_a_dead_endpoint_does_not_cost_every_caller_its_timeout() -> None:
    dead, alive = free_port(), free_port()
    with running(
        "agent",
        LLM__BASE_URL=f"http://127.0.0.1:{dead}/v1",
        LLM__MODEL="scripted",
        LLM__FALLBACKS=f'[{{"base_url": "http://127.0.0.1:{alive}/v1"}}]',
        LLM__FIRST_TOKEN_TIMEOUT_S=1,
    ) as service:
        hanging = ScriptedModel([Script(text="Never.", first_delay_s=600)])
        async with serving(hanging, dead), serving(ScriptedModel(), alive):
            waits_s = [await first_text_s(service.ws) for _ in range(10)]
    assert min(waits_s[:3]) > 0.9
    assert sum(wait_s > 0.9 for wait_s in waits_s) <= 8
    assert len(hanging.asked) <= 8


async def first_text_s(url: str) -> float:
    """How long a new caller waits for text."""
    async with asyncio.timeout(30), conversing(url) as caller:
        turn = await caller.ask("are you there")
        begun = caller.of("answer_start", turn)[0].at_s
        return (await caller.until("answer_text", turn=turn)).at_s - begun
