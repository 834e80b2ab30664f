"""Speech in, the same words back in the agent's voice."""

from collections.abc import Generator

import numpy as np
import pytest
import soxr

from tests.services.conftest import RunningService, running
from tests.services.conversing import ANSWER_RATE_HZ, conversing
from tests.speech import GOOD_VOICE, error_rate, pause, speech
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ

pytestmark = pytest.mark.e2e

SAID = "i would like to have some water please"


@pytest.fixture(scope="module")
def direct() -> Generator[RunningService]:
    # in the voice that the embedded recogniser understands
    with running("direct", TTS__VOICE=GOOD_VOICE) as service:
        yield service


async def test_what_is_said_comes_back_spoken(direct: RunningService) -> None:
    async with conversing(direct.ws) as caller:
        await caller.play(pause(0.5), speech(SAID))
        async with caller.microphone():
            await caller.until("answer_end")
        final = caller.of("final")[0].message["text"]
        assert caller.text_of(1) == final
        assert error_rate(SAID, final) < 0.5
        echo = caller.sound_of(1)
    async with conversing(direct.ws) as listener:
        back = soxr.resample(echo, ANSWER_RATE_HZ, ASR_SAMPLE_RATE_HZ).astype(np.float32)
        await listener.play(pause(0.5), back)
        async with listener.microphone():
            again = (await listener.until("final")).message["text"]
    assert error_rate(final, again) < 0.6


async def test_the_agent_serves_the_direct_bot_too(agent: RunningService) -> None:
    async with conversing(agent.ws.removesuffix("/ws") + "/direct") as caller:
        await caller.ask("what time is it")
        await caller.until("answer_end")
    assert caller.text_of(1) == "what time is it"
