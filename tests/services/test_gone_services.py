"""Services that die in a call and do not come back: an apology, and an end in order."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import pytest

from tests.phone_talk import telephone
from tests.services.conftest import RunningService
from tests.services.conversing import conversing
from tests.services.killing import Mortal, mortal
from tests.services.telephoning import stream_url, until_free
from tests.services.test_killed_services import FILLER, phrases, say_while_it_dies
from tests.services.test_remote_agent import remote_agent
from tests.speech import speech
from voice_agent.audio.g711 import mulaw_decode
from voice_agent.cli.http_probe import info_when_ready
from voice_agent.client.twilio_call import RATE_HZ, TwilioCall, calling

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.long]

SENTENCE = "i would like to have some water please"
GIVE_UP_S = 3.0
_PATIENCE_S = 30.0


@contextmanager
def services() -> Generator[tuple[Mortal, Mortal, RunningService]]:
    """What hears, what speaks, and the agent; it does not wait for long."""
    with (
        mortal("asr") as hears,
        mortal("tts") as speaks,
        remote_agent(
            hears.ws, speaks.ws, REMOTE__GIVE_UP_S=GIVE_UP_S, TWILIO__INSECURE="true"
        ) as agent,
    ):
        yield hears, speaks, agent


async def test_without_recognition_typed_text_is_still_answered() -> None:
    with services() as (hears, _, agent):
        async with conversing(agent.ws) as caller:
            await say_while_it_dies(caller, hears, SENTENCE)
            async with caller.microphone():
                error = (await caller.until("error")).message
                await caller.until_true(lambda: len(phrases(caller)) == 2)
                await caller.until("answer_end", len(caller.of("answer_start")))
            assert error["code"] == "engine_unavailable"
            assert phrases(caller)[0] == FILLER
            assert phrases(caller)[1].startswith("I am sorry")
            turn = await caller.ask("what is two plus three")
            await caller.until("answer_end", turn=turn)
            assert caller.text_of(turn) == "Two plus three is five."
            await hears.revive()
            async with caller.microphone():
                # what was said is not lost, late as it is
                assert (await caller.until("final")).message["text"] == SENTENCE


async def test_without_a_voice_the_answer_ends_and_says_why() -> None:
    with services() as (_, speaks, agent):
        async with conversing(agent.ws) as caller:
            await caller.ask("hello")
            await caller.until("answer_end")
            turn = await caller.ask("count to twenty")
            await caller.until("audio_chunk", 3, turn=turn)
            speaks.kill()
            end = (await caller.until("answer_end", turn=turn)).message
            assert end["heard_text"] != caller.text_of(turn)
            await caller.until_true(lambda: len(phrases(caller)) == 2)
            assert phrases(caller)[0] == FILLER
            assert phrases(caller)[1].startswith("I am sorry")
            await caller.until("answer_end", len(caller.of("answer_start")))
            assert [h.message["code"] for h in caller.of("error")] == ["engine_unavailable"]
            await speaks.revive()
            turn = await caller.ask("what is two plus three")
            end = (await caller.until("answer_end", turn=turn)).message
            assert end["heard_text"] == "Two plus three is five."


async def test_a_telephone_call_ends_with_an_apology() -> None:
    with services() as (hears, speaks, agent):
        for service, disturb in ((hears, _speak), (speaks, _ask)):
            async with calling(stream_url(agent)) as call:
                await disturb(call, service)
                heard_before = len(call.heard)
                assert await call.wait(lambda: call.over, _PATIENCE_S)
            assert call.close_code == 1000
            assert call.odd == {}
            # the filler and the apology
            assert loud_s(bytes(call.heard[heard_before:])) > 3.0
            await asyncio.to_thread(until_free, agent)
            await service.revive()
            async with asyncio.timeout(_PATIENCE_S):
                # the agent looks for itself, and takes no calls before
                await info_when_ready(agent.http)


async def _speak(call: TwilioCall, hears: Mortal) -> None:
    """Recognition dies in the middle of a sentence."""
    said = telephone(speech(SENTENCE))
    await call.wait(lambda: False, 0.5)
    await call.say(said[: len(said) // 2])
    hears.kill()
    await call.say(said[len(said) // 2 :])


async def _ask(call: TwilioCall, speaks: Mortal) -> None:
    """The voice dies as an answer begins."""
    await call.press("1")
    assert await call.wait(lambda: bool(call.of("media")), _PATIENCE_S)
    speaks.kill()
    await call.press("2")
    await call.wait(lambda: bool(call.of("clear")), 5)


def loud_s(ulaw: bytes) -> float:
    """How much of it was heard, pauses left out."""
    loud = np.abs(mulaw_decode(ulaw).astype(np.int32)) > 200
    frames = loud[: len(loud) // 160 * 160].reshape(-1, 160).any(axis=1)
    return float(frames.sum()) * 160 / RATE_HZ
