"""All that ``make run`` starts, as one: a page's conversation, a telephone call, a death."""

import asyncio
import subprocess
from collections.abc import Generator
from dataclasses import dataclass

import psutil
import pytest

from tests import real_models
from tests.cli.command import COMMAND, ROOT, environment
from tests.cli.test_cli_up import free_ports, ready, service_process
from tests.phone_talk import telephone
from tests.services.conversing import conversing
from tests.services.test_killed_services import FILLER, phrases
from tests.speech import error_rate, pause, speech
from voice_agent.cli.http_probe import get_json
from voice_agent.client.twilio_call import calling

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SENTENCE = "i would like to have some water please"
_PATIENCE_S = 60.0


@dataclass
class Everything:
    """What `voice-agent up` runs."""

    process: "subprocess.Popen[str]"
    port: int

    @property
    def agent(self) -> str:
        return f"127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def everything() -> Generator[Everything]:
    port = free_ports()
    settings = {
        "MODELS__DIR": real_models.base().parent,
        "TWILIO__INSECURE": "true",
        "REMOTE__GIVE_UP_S": 40,
    }
    process = subprocess.Popen(
        [*COMMAND, "up", "--port", str(port)],
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for each in (port + 1, port + 2, port):
            ready(each)
        yield Everything(process, port)
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def test_the_agent_loads_no_model_that_a_service_has(everything: Everything) -> None:
    info = get_json(f"http://{everything.agent}/v1/info") or {}
    engines = info["engines"]
    assert engines["hears"]["device"] == f"ws://127.0.0.1:{everything.port + 1}/ws"
    assert engines["speaks"]["device"] == f"ws://127.0.0.1:{everything.port + 2}/ws"
    agent = service_process(everything.process, "agent")
    libraries = {mapped.path for mapped in agent.memory_maps()}
    assert not [path for path in libraries if "ctranslate2" in path]
    assert agent.children(recursive=True) == []


async def test_a_service_that_dies_in_a_conversation_is_started_again(
    everything: Everything,
) -> None:
    async with conversing(f"ws://{everything.agent}/ws") as caller:
        samples = speech(SENTENCE)
        await caller.play(pause(0.5), samples[: len(samples) // 2])
        victim: psutil.Process = service_process(everything.process, "asr")
        victim.kill()
        await caller.play(samples[len(samples) // 2 :])
        async with caller.microphone():
            await caller.until_true(lambda: bool(caller.of("final")), _PATIENCE_S)
            await caller.until_true(
                lambda: any("You said" in h.message["delta"] for h in caller.of("answer_text"))
            )
        assert error_rate(SENTENCE, caller.of("final")[0].message["text"]) < 0.3
        assert phrases(caller) == [FILLER]


async def test_a_telephone_call_over_three_services(everything: Everything) -> None:
    await asyncio.to_thread(ready, everything.port)
    async with calling(f"ws://{everything.agent}/twilio/stream") as call:
        await call.wait(lambda: False, 0.5)
        await call.say(telephone(speech(SENTENCE)))
        assert await call.wait(lambda: bool(call.of("media")), _PATIENCE_S)
        await call.wait(lambda: call.busy, 2.0)
        assert await call.wait(lambda: not call.busy, _PATIENCE_S)
    assert call.odd == {}
    assert call.close_code == 1000
    assert len(call.marks) >= 3
    assert all(played for _, played in call.marks)
