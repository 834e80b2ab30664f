"""Who may come back for a session, for how long, and what becomes of the others."""

import asyncio
import json
from collections.abc import Iterator

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.services.conftest import RunningService, running
from tests.services.resuming import (
    refused,
    sessions,
    speak_all,
    spoken_all,
    travelling,
    until_sessions,
)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tts() -> Iterator[RunningService]:
    with running("tts") as service:
        yield service


@pytest.mark.parametrize(
    "last_seq",
    [
        "",
        "&last_seq=",
        "&last_seq=0",
        "&last_seq=-1",
        "&last_seq=x",
        "&last_seq=1.5",
        "&last_seq=%D9%A1",
        "&last_seq=99",
        "&last_seq=" + "9" * 400,
    ],
)
async def test_a_number_that_cannot_be_gets_an_error_and_a_fresh_session(
    tts: RunningService, last_seq: str
) -> None:
    async with connect(tts.ws) as socket:
        token = json.loads(await socket.recv())["resume_token"]
        socket.transport.abort()
    assert await refused(tts, f"?resume={token}{last_seq}") == "bad_message"
    # its old session has ended
    assert await refused(tts, f"?resume={token}&last_seq=1") == "resume_expired"


async def test_unknown_and_used_tokens_get_an_error_and_a_fresh_session(
    tts: RunningService,
) -> None:
    assert await refused(tts, "?resume=&last_seq=1") == "resume_expired"
    assert await refused(tts, "?resume=x%FF%00&last_seq=1") == "resume_expired"
    async with travelling(tts.ws) as traveller:
        first = traveller.ready["resume_token"]
        traveller.socket.transport.abort()
        await traveller.come_back()
        # until the client has sent something, its `ready` may not have come
        traveller.socket.transport.abort()
        await traveller.gone()
        await traveller.come(f"?resume={first}&last_seq=1")
        assert traveller.ready["resumed"] is True
        await traveller.say("ping")
        await traveller.until_kind("pong")
        assert await refused(tts, f"?resume={first}&last_seq=1") == "resume_expired"
        await traveller.say("ping")
        await traveller.until_kind("pong", 2)


async def test_tokens_belong_to_a_service_and_a_path(agent: RunningService) -> None:
    direct = agent.ws.replace("/ws", "/direct")
    async with travelling(agent.ws) as traveller:
        token = traveller.ready["resume_token"]
        async with connect(f"{direct}?resume={token}&last_seq=1") as socket:
            assert json.loads(await socket.recv())["code"] == "resume_expired"
        await traveller.say("ping")
        await traveller.until_kind("pong")


@pytest.mark.parametrize("path", ["/ws", "/direct"])
@pytest.mark.parametrize("query", ["", "?resume=expired&last_seq=1"])
async def test_who_leaves_at_once_leaves_nothing_behind(
    agent: RunningService, path: str, query: str
) -> None:
    for _ in range(10):
        async with connect(agent.ws.replace("/ws", path + query)) as socket:
            await socket.recv()
    await until_sessions(agent, 0)


@pytest.mark.parametrize("code", [1000, 1001])
async def test_who_leaves_in_order_does_not_come_back(tts: RunningService, code: int) -> None:
    await until_sessions(tts, 0)
    async with connect(tts.ws) as socket:
        token = json.loads(await socket.recv())["resume_token"]
        await socket.close(code)
    await until_sessions(tts, 0)
    assert await refused(tts, f"?resume={token}&last_seq=1") == "resume_expired"


@pytest.mark.parametrize("code", [1011, 4000])
async def test_who_takes_the_connection_for_dead_comes_back(tts: RunningService, code: int) -> None:
    async with travelling(tts.ws) as traveller:
        await traveller.socket.close(code)
        await traveller.come_back()
        await traveller.say("ping")
        await traveller.until_kind("pong")


async def test_a_full_service_has_room_for_who_comes_back() -> None:
    with running("tts", SERVER__MAX_SESSIONS=1) as service:
        async with travelling(service.ws) as traveller:
            traveller.socket.transport.abort()
            await traveller.come_back()
            await speak_all(traveller)
            await traveller.until(lambda: spoken_all(traveller))
        await until_sessions(service, 0)


async def test_a_session_waits_so_long_and_keeps_its_slot() -> None:
    with running("tts", SERVER__RESUME_S=1.5, SERVER__MAX_SESSIONS=1) as service:
        async with connect(service.ws) as socket:
            token = json.loads(await socket.recv())["resume_token"]
            socket.transport.abort()
        async with connect(service.ws) as late:
            assert json.loads(await late.recv())["code"] == "at_capacity"
        assert await sessions(service) == 1
        await until_sessions(service, 0)
        assert await refused(service, f"?resume={token}&last_seq=1") == "resume_expired"
        metrics = httpx2.get(f"{service.http}/metrics").text
        assert 'voice_agent_sessions_lost_total{service="tts"} 1.0' in metrics


async def test_where_sessions_do_not_wait_they_end_with_their_connection() -> None:
    with running("tts", SERVER__RESUME_S=0) as service:
        async with connect(service.ws) as socket:
            token = json.loads(await socket.recv())["resume_token"]
            socket.transport.abort()
        await until_sessions(service, 0)
        assert await refused(service, f"?resume={token}&last_seq=1") == "resume_expired"


async def test_who_has_less_than_was_kept_gets_a_fresh_session() -> None:
    with running("tts", SERVER__MAX_RESUME_BYTES=1 << 16) as service:
        async with travelling(service.ws) as traveller:
            await speak_all(traveller)
            await traveller.until(lambda: spoken_all(traveller))
            traveller.socket.transport.abort()
            query = f"?resume={traveller.ready['resume_token']}&last_seq=1"
        assert await refused(service, query) == "resume_expired"
        await until_sessions(service, 0)


async def test_going_down_does_not_wait_for_who_is_away() -> None:
    with running("tts") as service:
        async with connect(service.ws) as socket:
            await socket.recv()
            socket.transport.abort()
        service.process.terminate()
        assert await asyncio.to_thread(service.process.wait, 5) == 0
