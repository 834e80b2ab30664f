"""Keys that the agent presses: tones in the call's audio."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.key_tones import keys_in
from tests.scripted_llm import Script, ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.telephoning import stream_url, until_free
from tests.services.test_twilio_conversation import answered, ask, heard_out
from voice_agent.audio.g711 import mulaw_decode
from voice_agent.cli.http_probe import free_port
from voice_agent.client.twilio_call import RATE_HZ, TwilioCall, calling

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class Phone:
    def __init__(self, service: RunningService, llm_port: int) -> None:
        self.service = service
        self._llm_port = llm_port

    @asynccontextmanager
    async def call(self, function: str, keys: str, *answers: str) -> AsyncGenerator[TwilioCall]:
        """A call to an agent whose model calls a function, and then says this."""
        script = Script(calls=((function, json.dumps({"keys": keys})),))
        model = ScriptedModel(answers=[script, *answers])
        async with serving(model, self._llm_port), calling(stream_url(self.service)) as call:
            yield call
        assert call.odd == {}
        await asyncio.to_thread(until_free, self.service)


@pytest.fixture(scope="module")
def phone() -> Generator[Phone]:
    port = free_port()
    with running(
        "agent",
        TWILIO__INSECURE="true",
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
        LLM__TOOLS="tests/services/key_tools.py:TOOLS",
    ) as service:
        yield Phone(service, port)
        assert not [line for line in service.log if "ERROR" in line]
        # a key may be part of a secret
        assert not [line for line in service.log if "4711" in line]


def samples(call: TwilioCall) -> NDArray[np.float32]:
    return mulaw_decode(bytes(call.heard)).astype(np.float32) / np.float32(32_768)


def heard(call: TwilioCall) -> str:
    return keys_in(samples(call), RATE_HZ)


async def test_keys_follow_the_answer(phone: Phone) -> None:
    async with phone.call("press_keys", "4711w*#", "One two three.", "And on.") as call:
        await ask(call)
        assert await call.wait(lambda: heard(call).endswith("#"), 20)
        assert heard(call) == "4711*#"
        # paced as everything is, in frames of 20 ms
        assert {len(message["media"]["payload"]) for _, message in call.of("media")} == {216}
        await heard_out(call)
        # and the conversation goes on
        await call.press("2")
        await answered(call)
        await heard_out(call)
    # speech came before the tones
    sound = samples(call)
    began = int((np.abs(sound) > 0.02).argmax())
    assert keys_in(sound[began : began + RATE_HZ // 2], RATE_HZ) == ""


async def test_the_call_ends_after_the_keys(phone: Phone) -> None:
    async with phone.call("press_keys_and_hang_up", "90", "Goodbye.") as call:
        await ask(call)
        assert await call.wait(lambda: call.over, 20)
        assert heard(call) == "90"
        assert call.close_code == 1000


async def test_what_is_no_key_is_not_pressed(phone: Phone) -> None:
    async with phone.call("press_keys", "12x", "One two three.") as call:
        await ask(call)
        await heard_out(call)
        assert heard(call) == ""
