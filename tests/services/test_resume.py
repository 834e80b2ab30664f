"""Sessions that outlive their connections, cut by a network between real sockets."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx2
import numpy as np
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from tests.services.conftest import RunningService, running
from tests.services.resuming import Traveller, travelling
from tests.speech import SENTENCES, error_rate, pause, speech
from tests.tcp_proxy import TcpProxy, proxying
from voice_agent.audio.pcm import float_to_int16

pytestmark = pytest.mark.e2e

_SPOKEN = np.concatenate([pause(0.4), speech(SENTENCES[1]), pause(0.4)])
_LONG = "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun. " * 8
_REQUESTS = (
    {
        "text": _LONG,
        "encoding": "pcm_s16le",
        "sample_rate": 8000,
        "chunk_size": 10,
        "request_id": "first",
    },
    {"text": "Good morning.", "request_id": "second"},
    {"text": "  ", "request_id": "nothing to speak"},
    {"text": _LONG, "encoding": "mulaw", "sample_rate": 8000, "request_id": "third"},
)


@pytest.fixture(scope="module")
def tts() -> Iterator[RunningService]:
    with running("tts") as service:
        yield service


@pytest.fixture(scope="module")
def asr() -> Iterator[RunningService]:
    with running("asr") as service:
        yield service


@pytest_asyncio.fixture
async def to_tts(tts: RunningService) -> AsyncIterator[TcpProxy]:
    async with proxying(tts.port) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def to_asr(asr: RunningService) -> AsyncIterator[TcpProxy]:
    async with proxying(asr.port) as proxy:
        yield proxy


async def speak_all(traveller: Traveller) -> None:
    for request in _REQUESTS:
        await traveller.say("synthesize", **request)


def spoken_all(traveller: Traveller) -> bool:
    return len(traveller.of("synthesis_complete")) == 3


async def sessions(service: RunningService) -> int:
    async with httpx2.AsyncClient() as client:
        return (await client.get(f"{service.http}/readyz")).json()["sessions"]


async def until_sessions(service: RunningService, n: int) -> None:
    async with asyncio.timeout(10):
        while await sessions(service) != n:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


async def play(traveller: Traveller, samples: np.ndarray, pace: float = 1.0) -> None:
    pcm = float_to_int16(samples).tobytes()
    for at in range(0, len(pcm), 1024):
        await traveller.send(pcm[at : at + 1024])
        await asyncio.sleep(0.032 * pace)


async def test_a_turn_that_is_cut_in_a_word_has_all_its_words(to_asr: TcpProxy) -> None:
    async with travelling(to_asr.ws) as caller:
        middle = len(_SPOKEN) // 2
        await play(caller, _SPOKEN[:middle])
        assert caller.of("speech_start")
        to_asr.drop()
        await play(caller, _SPOKEN[middle : middle + 8000])  # nobody listens
        await caller.come_back()
        await play(caller, _SPOKEN[middle + 8000 :])
        await caller.say("finalize")
        final = await caller.until_kind("final")
    assert error_rate(SENTENCES[1], final["text"]) <= 0.2
    assert len(caller.of("speech_start")) == len(caller.of("speech_end"))


async def test_what_is_said_while_nobody_listens_comes_afterwards(to_asr: TcpProxy) -> None:
    async with travelling(to_asr.ws) as caller:
        await play(caller, _SPOKEN, pace=0.1)
        await caller.say("ping", id="last")
        await caller.until_kind("pong")
        to_asr.drop()
        await caller.gone()
        await caller.say("finalize")
        await caller.come_back()
        final = await caller.until_kind("final")
    assert error_rate(SENTENCES[1], final["text"]) <= 0.2


async def test_after_twenty_cuts_anywhere_every_message_and_byte_came_once(
    tts: RunningService, to_tts: TcpProxy
) -> None:
    async with travelling(tts.ws) as uncut:
        await speak_all(uncut)
        await uncut.until(lambda: spoken_all(uncut))
    chance = random.Random(1)
    async with travelling(to_tts.ws) as traveller:
        to_tts.drop_after(1000)
        await speak_all(traveller)
        for _ in range(20):
            await traveller.gone()
            # some are cut before their `ready` has come
            most = len(uncut.sound) // 12
            to_tts.drop_after(chance.randint(*chance.choice([(0, 600), (0, most), (0, most)])))
            with suppress(ConnectionClosed, InvalidMessage, OSError):
                await traveller.come_back()
        await traveller.come_back(tts.ws)
        await traveller.until(lambda: spoken_all(traveller))
    assert [w.message for w in traveller.heard] == [w.message for w in uncut.heard]
    assert traveller.sound == uncut.sound
    tokens = [m["resume_token"] for m in traveller.greetings]
    assert len(set(tokens)) == len(tokens) > 8
    assert {m["session_id"] for m in traveller.greetings} == {traveller.ready["session_id"]}


async def test_a_client_goes_on_while_its_old_connection_seems_to_live(
    tts: RunningService, to_tts: TcpProxy
) -> None:
    async with travelling(tts.ws) as uncut:
        await speak_all(uncut)
        await uncut.until(lambda: spoken_all(uncut))
    async with travelling(to_tts.ws) as traveller:
        await speak_all(traveller)
        await traveller.until(lambda: len(traveller.of("audio_chunk")) > 5)
        to_tts.stall()
        to_tts.forget()
        traveller.socket.transport.abort()
        await traveller.come_back()
        await traveller.until(lambda: spoken_all(traveller))
    assert traveller.sound == uncut.sound


async def test_who_is_taken_over_is_told_so(tts: RunningService) -> None:
    async with travelling(tts.ws) as traveller:
        old = traveller.socket
        query = f"?resume={traveller.ready['resume_token']}&last_seq=1"
        async with connect(tts.ws + query) as new:
            assert json.loads(await new.recv())["resumed"] is True
            async with asyncio.timeout(10):
                await old.wait_closed()
            assert old.close_code == 1000
            await new.send('{"type":"ping"}')
            assert json.loads(await new.recv()) == {"type": "pong", "seq": 2}


async def refused(service: RunningService, query: str) -> str:
    """The code of the error that comes before a fresh `ready`."""
    async with connect(service.ws + query) as socket:
        error, ready = [json.loads(await socket.recv()) for _ in range(2)]
        assert error["type"] == "error"
        assert "seq" not in error
        assert ready["type"] == "ready"
        assert ready["seq"] == 1
        assert "resumed" not in ready
        await socket.send('{"type":"ping","id":1}')
        assert json.loads(await socket.recv())["seq"] == 2
        return error["code"]


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


async def test_nothing_is_dropped_for_who_is_away_and_little_is_made() -> None:
    with running("tts", SERVER__MAX_RESUME_BYTES=1 << 17) as service:
        text = _LONG * 4
        options = {"text": text, "encoding": "pcm_s16le", "sample_rate": 16_000}
        async with travelling(service.ws) as uncut:
            await uncut.say("synthesize", **options)
            await uncut.until_kind("synthesis_complete")
        async with proxying(service.port) as proxy, travelling(proxy.ws) as traveller:
            proxy.drop_after(100_000)
            await traveller.say("synthesize", **options)
            await traveller.gone()
            made = await standing_still(service)
            assert made - len(uncut.sound) / 32_000 < 12
            await traveller.come_back()
            await traveller.until_kind("synthesis_complete")
        assert traveller.sound == uncut.sound


async def standing_still(service: RunningService) -> float:
    """Seconds of audio that were made, once no more is being made."""
    made = -1.0
    async with asyncio.timeout(20), httpx2.AsyncClient() as client:
        while True:
            text = (await client.get(f"{service.http}/metrics")).text
            line = next(x for x in text.splitlines() if x.startswith("voice_agent_audio_out_s"))
            before, made = made, float(line.split()[-1])
            if made == before:
                return made
            await asyncio.sleep(0.3)


async def test_who_has_less_than_was_kept_gets_a_fresh_session() -> None:
    with running("tts", SERVER__MAX_RESUME_BYTES=1 << 16) as service:
        async with travelling(service.ws) as traveller:
            await speak_all(traveller)
            await traveller.until(lambda: spoken_all(traveller))
            traveller.socket.transport.abort()
            query = f"?resume={traveller.ready['resume_token']}&last_seq=1"
        assert await refused(service, query) == "resume_expired"
        await until_sessions(service, 0)


async def test_what_is_due_after_close_comes_after_a_loss(to_asr: TcpProxy) -> None:
    async with travelling(to_asr.ws) as caller:
        await play(caller, _SPOKEN, pace=0)
        await caller.say("ping")
        await caller.until_kind("pong")
        to_asr.drop()
        await caller.gone()
        await caller.say("close")
        await caller.come_back()
        await caller.gone()
        assert caller.code == 1000
        assert error_rate(SENTENCES[1], caller.of("final")[-1].message["text"]) <= 0.2


async def test_going_down_does_not_wait_for_who_is_away() -> None:
    with running("tts") as service:
        async with connect(service.ws) as socket:
            await socket.recv()
            socket.transport.abort()
        service.process.terminate()
        assert await asyncio.to_thread(service.process.wait, 5) == 0
