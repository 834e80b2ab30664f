"""What breaks inside a session is told on its wire, ends it if it must, and is never silence."""

import asyncio
import json
from collections.abc import Generator

import numpy as np
import pytest
from websockets.asyncio.client import connect

from tests.services.caller import call
from tests.services.conftest import _HEARS, _SPEAKS, RunningService, running
from tests.services.failing_agent import ABOVE, BELOW, GIVE_UP, RAISES, REPORT, TOO_SLOW
from tests.services.telephoning import in_a_call, metric
from tests.speech import SENTENCES, pause, speech
from voice_agent.audio.g711 import mulaw_encode
from voice_agent.engines.base import Samples

pytestmark = pytest.mark.e2e

_SAID = np.concatenate([pause(0.5), speech(SENTENCES[0]), pause(0.3)])


@pytest.fixture(scope="module")
def failing() -> Generator[RunningService]:
    settings = {**_HEARS, **_SPEAKS, "TWILIO__INSECURE": "true"}
    with running("tests.services.failing_agent", **settings) as service:
        yield service


def _level(level: float, seconds: float = 0.5) -> Samples:
    return np.full(round(16_000 * seconds), level, np.float32)


def _asr(service: RunningService) -> str:
    return service.ws.replace("/ws", "/asr")


@pytest.mark.parametrize(
    ("level", "code"), [(ABOVE, "internal"), (BELOW, "engine_unavailable")], ids=["bug", "engine"]
)
async def test_a_detector_that_breaks_ends_the_session_with_one_error_and_no_final(
    failing: RunningService, level: float, code: str
) -> None:
    before = metric(failing, "voice_agent_errors_total", code=code)
    async with call(_asr(failing)) as caller:
        # in one go: nothing of what waits behind the failure is answered
        await caller.play(np.concatenate([_SAID, _level(level, 4.0)]))
        await caller.say("finalize")
        assert await caller.ended() == 1011
        assert [error["code"] for error in caller.of("error")] == [code]
        assert caller.messages[-1]["type"] == "error"
        assert caller.of("final") == []
    assert metric(failing, "voice_agent_errors_total", code=code) == before + 1


async def test_other_sessions_go_on_and_so_does_the_service(failing: RunningService) -> None:
    async with call(_asr(failing)) as other:
        await other.play(_SAID)
        async with call(_asr(failing)) as caller:
            await caller.play(_level(ABOVE))
            assert await caller.ended() == 1011
        await other.finalize()
        assert other.text == SENTENCES[0]
        assert other.of("error") == []


async def test_a_recogniser_that_raises_ends_the_session_and_makes_no_empty_final(
    failing: RunningService,
) -> None:
    async with call(_asr(failing)) as caller:
        await caller.ask("config", "configured", prompt=RAISES, partials=False)
        await caller.play(_SAID)
        await caller.say("finalize")
        assert await caller.ended() == 1011
        assert [error["code"] for error in caller.of("error")] == ["internal"]
        assert caller.of("final") == []


async def test_a_turn_that_could_not_be_decoded_says_so_and_the_session_goes_on(
    failing: RunningService,
) -> None:
    async with call(_asr(failing)) as caller:
        await caller.ask("config", "configured", prompt=TOO_SLOW, partials=False)
        await caller.play(_SAID)
        await caller.finalize()
        [final] = caller.of("final")
        assert (final["text"], final["error"]) == ("", "engine_timeout")
        assert [error["code"] for error in caller.of("error")] == ["engine_timeout"]
        await caller.ask("config", "configured", prompt="")
        await caller.play(_SAID)
        await caller.finalize()
        assert caller.of("final")[-1]["text"] == SENTENCES[0]
        assert "error" not in caller.of("final")[-1]


async def test_a_caller_who_was_not_understood_for_a_failure_hears_an_apology(
    failing: RunningService,
) -> None:
    async with connect(failing.ws) as socket:
        await socket.send(json.dumps({"type": "config", "prompt": TOO_SLOW, "partials": False}))
        await socket.send((_SAID * 32767).astype("<i2").tobytes())
        await socket.send(json.dumps({"type": "finalize"}))
        async with asyncio.timeout(20):
            while True:
                data = await socket.recv()
                message = json.loads(data) if isinstance(data, str) else {}
                if message.get("type") == "audio_chunk":
                    break
    assert message["phrase"].startswith("I am sorry")


async def test_a_stock_service_that_fails_is_told_and_the_session_goes_on(
    failing: RunningService,
) -> None:
    async with call(failing.ws.replace("/ws", "/reporting")) as caller:
        error = await caller.ask("config", "error", prompt=REPORT)
        assert (error["code"], error["retryable"]) == ("engine_unavailable", True)
        assert "_StockService" in error["message"]
        await caller.play(_SAID)
        await caller.finalize()
        assert caller.text == SENTENCES[0]


async def test_a_stock_service_that_cannot_work_any_more_ends_the_session(
    failing: RunningService,
) -> None:
    async with call(failing.ws.replace("/ws", "/reporting")) as caller:
        await caller.say("config", prompt=GIVE_UP)
        assert await caller.ended() == 1011
        assert [error["code"] for error in caller.of("error")] == ["internal"]


async def test_a_session_that_cannot_begin_says_so(failing: RunningService) -> None:
    async with connect(failing.ws.replace("/ws", "/unable")) as socket:
        error = json.loads(await socket.recv())
        assert (error["type"], error["code"]) == ("error", "internal")
        await socket.wait_closed()
    assert socket.close_code == 1011


def test_a_telephone_call_whose_detector_breaks_ends(failing: RunningService) -> None:
    before = metric(failing, "voice_agent_errors_total", code="internal")
    with in_a_call(failing, "CAfails") as line:
        [ulaw] = set(mulaw_encode(np.array([int(ABOVE * 32767)], np.int16)))
        line.speak(50, bytes([ulaw]) * 160)
        assert line.close_code() == 1011
    assert metric(failing, "voice_agent_errors_total", code="internal") == before + 1
