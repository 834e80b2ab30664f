"""Many calls at once, and what random messages do to them."""

import asyncio
from collections.abc import Generator

import numpy as np
import pytest

from tests.services.conftest import RunningService, running
from tests.services.telephoning import TONE, metric, stream_url, until_free
from tests.services.twilio_fuzz import fuzz
from voice_agent.client.twilio_call import calling

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

N_CALLS = 100


@pytest.fixture(scope="module")
def echo() -> Generator[RunningService]:
    with running("echo", TWILIO__INSECURE="true", SERVER__MAX_SESSIONS=N_CALLS) as service:
        yield service
        assert [line for line in service.log if "ERROR" in line] == []


def test_random_messages_do_no_harm(echo: RunningService) -> None:
    fuzz(echo, 2_000)


async def test_a_hundred_calls_may_begin_in_a_second(echo: RunningService) -> None:
    accepted = metric(echo, "voice_agent_calls_total", outcome="accepted")

    async def call(number: int) -> bool:
        await asyncio.sleep(number / N_CALLS)
        async with calling(stream_url(echo), timeout_s=30) as line:
            await line.say(TONE * 10)
            return await line.wait(lambda: bool(line.of("media")), 10)

    heard = await asyncio.gather(*(call(number) for number in range(N_CALLS)))
    assert all(heard)
    assert metric(echo, "voice_agent_calls_total", outcome="accepted") == accepted + N_CALLS
    await asyncio.to_thread(until_free, echo)


async def test_what_is_said_comes_back_soon(echo: RunningService) -> None:
    async with calling(stream_url(echo)) as line:
        await line.say(TONE * 150)
        at_s = np.array([at_s for at_s, _ in line.of("media")])
    gaps_s = np.diff(at_s)
    assert float(np.median(gaps_s)) == pytest.approx(0.02, abs=0.012)
    loud = np.flatnonzero(np.frombuffer(bytes(line.heard), np.uint8) != 0xFF)
    # there, through both resamplers, and back
    assert loud[0] / 8000 < 0.4
