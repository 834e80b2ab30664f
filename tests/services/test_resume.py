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
from tests.services.resuming import LONG, Traveller, speak_all, spoken_all, travelling
from tests.speech import SENTENCES, error_rate, pause, speech
from tests.tcp_proxy import TcpProxy, proxying
from voice_agent.audio.pcm import float_to_int16

pytestmark = pytest.mark.e2e

_KEPT_BYTES = 1 << 17
_BYTES_PER_S = 32_000  # of int16 at 16 kHz
_SPOKEN = np.concatenate([pause(0.4), speech(SENTENCES[1]), pause(0.4)])


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


async def test_nothing_is_dropped_for_who_is_away_and_little_is_made() -> None:
    with running("tts", SERVER__MAX_RESUME_BYTES=_KEPT_BYTES) as service:
        text = LONG * 4
        options = {"text": text, "encoding": "pcm_s16le", "sample_rate": _BYTES_PER_S // 2}
        async with travelling(service.ws) as uncut:
            await uncut.say("synthesize", **options)
            await uncut.until_kind("synthesis_complete")
        async with proxying(service.port) as proxy, travelling(proxy.ws) as traveller:
            proxy.drop_after(100_000)
            await traveller.say("synthesize", **options)
            await traveller.gone()
            made_s = await standing_still(service) - len(uncut.sound) / _BYTES_PER_S
            # what has not come is kept, and that is bounded; one more message waits
            longest = max(len(whole.data) for whole in uncut.heard)
            kept_s = made_s - len(traveller.sound) / _BYTES_PER_S
            assert 0 < kept_s <= (_KEPT_BYTES + 2 * longest) / _BYTES_PER_S
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
