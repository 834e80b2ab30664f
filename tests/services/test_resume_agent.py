"""A conversation that outlives its connection."""

import asyncio
from collections.abc import Iterator

import httpx2
import numpy as np
import pytest

from tests.services.conftest import RunningService, running
from tests.services.resuming import Traveller, travelling
from tests.speech import SENTENCES, error_rate, pause, speech
from tests.tcp_proxy import proxying
from voice_agent.audio.pcm import float_to_int16

pytestmark = pytest.mark.e2e

_QUESTION = "count to thirty"


@pytest.fixture(scope="module")
def talking() -> Iterator[RunningService]:
    with running("agent") as service:
        yield service


async def answered(traveller: Traveller, count: int = 1) -> bytes:
    """The sound of all answers, once there are so many."""
    await traveller.until(lambda: len(traveller.of("answer_end")) >= count, within_s=60)
    return traveller.sound


@pytest.mark.long
async def test_an_answer_that_is_cut_is_heard_whole(talking: RunningService) -> None:
    async with travelling(talking.ws) as uncut:
        await uncut.say("text", text="hello")
        whole = await answered(uncut)
    async with proxying(talking.port) as network, travelling(network.ws) as caller:
        network.drop_after(len(whole) // 3)
        await caller.say("text", text="hello")
        await caller.gone()
        await asyncio.sleep(0.5)
        await caller.come_back()
        assert await answered(caller) == whole
        end = caller.of("answer_end")[0].message
        assert end["interrupted"] is False
        assert end["heard_text"] == uncut.of("answer_end")[0].message["heard_text"]
        # it remembers what came before
        await caller.say("text", text="hello again")
        await answered(caller, 2)


async def test_an_answer_is_interrupted_by_what_was_said_while_nobody_listened(
    talking: RunningService,
) -> None:
    spoken = np.concatenate([pause(0.3), speech(SENTENCES[0]), pause(1.0)])
    pcm = float_to_int16(spoken).tobytes()
    async with proxying(talking.port) as network, travelling(network.ws) as caller:
        await caller.say("text", text=_QUESTION)
        await caller.until_kind("audio_chunk")
        network.drop()
        await caller.gone()
        for at in range(0, len(pcm), 2048):
            await caller.send(pcm[at : at + 2048])
        await caller.come_back()
        await caller.until_kind("final")
        await caller.until_kind("clear")
        assert error_rate(SENTENCES[0], caller.of("final")[0].message["text"]) <= 0.3
        assert caller.of("answer_end")[0].message["interrupted"] is True
        await caller.until(lambda: len(caller.of("answer_start")) == 2)


async def test_both_paths_of_the_agent_go_on(talking: RunningService) -> None:
    direct = talking.ws.replace("/ws", "/direct")
    async with travelling(direct) as caller:
        await caller.say("text", text="good morning")
        await caller.until_kind("audio_chunk")
        caller.socket.transport.abort()
        await caller.come_back()
        await answered(caller)
        assert len(caller.of("answer_start")) == 1


async def test_sessions_that_came_back_leave_nothing_behind() -> None:
    with running("agent", SERVER__RESUME_S=0.5) as service:

        async def come_and_go() -> None:
            traveller = Traveller(service.ws)
            await traveller.come()
            for _ in range(3):
                await traveller.say("text", text="hello")
                await traveller.until_kind("audio_chunk")
                traveller.socket.transport.abort()
                await traveller.come_back()
            traveller.socket.transport.abort()
            await traveller.gone()

        await asyncio.gather(*(come_and_go() for _ in range(10)))
        async with asyncio.timeout(10), httpx2.AsyncClient() as client:
            while (await client.get(f"{service.http}/readyz")).json()["sessions"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        log = "".join(service.log)
        assert "Traceback" not in log
        assert "ERROR" not in log
        assert log.count("a session goes on") == 30
