"""The ASR client that outlives its connections, over a network that fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
import pytest_asyncio

from tests.services.conftest import RunningService, running
from tests.speech import SENTENCES, error_rate, pause, speech
from tests.tcp_proxy import TcpProxy, proxying
from voice_agent.audio.pcm import float_to_int16
from voice_agent.client.reconnecting import (
    Backoff,
    ConnectionLost,
    ConnectionRestored,
    ReconnectingAsr,
    ReconnectingEvent,
)
from voice_agent.engines.base import Samples
from voice_agent.errors import AtCapacity, EngineUnavailable
from voice_agent.wire.asr import AsrServerMessage, Final, SpeechEnd, SpeechStart

pytestmark = [pytest.mark.e2e, pytest.mark.long]

_FIRST, _SECOND = SENTENCES[0], SENTENCES[1]
_TALK = np.concatenate([pause(0.4), speech(_FIRST), pause(2.4), speech(_SECOND), pause(2.4)])
_SECOND_AT_S = (len(speech(_FIRST)) + 2.8 * 16_000) / 16_000
_IN_SECOND_S = _SECOND_AT_S + 0.8
Heard = list[AsrServerMessage | ReconnectingEvent]


@pytest.fixture(scope="module")
def asr() -> Iterator[RunningService]:
    with running("asr") as service:
        yield service


@pytest_asyncio.fixture
async def network(asr: RunningService) -> AsyncIterator[TcpProxy]:
    async with proxying(asr.port) as proxy:
        yield proxy


class Talk:
    """Audio on its way into a client, in real time."""

    def __init__(self, client: ReconnectingAsr) -> None:
        self.client = client
        self.heard: Heard = []
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for item in self.client:
            self.heard.append(item)

    async def play(self, samples: Samples, from_s: float, until_s: float) -> None:
        part = samples[round(from_s * 16_000) : round(until_s * 16_000)]
        pcm = float_to_int16(part).tobytes()
        for at in range(0, len(pcm), 640):
            await self.client.send(pcm[at : at + 640])
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        await self.client.close()
        async with asyncio.timeout(30):
            await self._listening

    @property
    def restored(self) -> list[bool]:
        """Whether each reconnection went on with the session."""
        return [e.resumed for e in self.heard if isinstance(e, ConnectionRestored)]

    @property
    def finals(self) -> list[Final]:
        return [m for m in self.heard if isinstance(m, Final) and m.text]

    def assert_two_turns(self) -> None:
        """Both sentences, at their times, in a stream that looks like one session's."""
        first, second = self.finals
        assert error_rate(_FIRST, first.text) <= 0.2
        assert error_rate(_SECOND, second.text) <= 0.2
        assert second.start == pytest.approx(_SECOND_AT_S, abs=0.4)
        assert all(second.start <= w.start <= w.end <= second.end for w in second.words)
        segments = [m for m in self.heard if isinstance(m, SpeechStart | SpeechEnd)]
        kinds = [type(m) for m in segments]
        assert kinds == ([SpeechStart, SpeechEnd] * len(kinds))[: len(kinds)]
        assert all(a.timestamp <= b.timestamp for a, b in pairwise(segments))


async def test_a_cut_in_a_word_is_not_noticed(network: TcpProxy) -> None:
    async with ReconnectingAsr.connect([network.ws], live=True) as client:
        talk = Talk(client)
        session = client.ready.session_id
        await talk.play(_TALK, 0, _IN_SECOND_S)
        network.drop()
        await talk.play(_TALK, _IN_SECOND_S, len(_TALK) / 16_000)
        await talk.close()
        assert client.ready.session_id == session
    assert talk.restored == [True]
    talk.assert_two_turns()


async def test_a_network_that_is_away_for_seconds_costs_no_word(network: TcpProxy) -> None:
    async with ReconnectingAsr.connect([network.ws], live=True) as client:
        talk = Talk(client)
        await talk.play(_TALK, 0, _IN_SECOND_S)
        await network.refuse()
        network.drop()
        await talk.play(_TALK, _IN_SECOND_S, _IN_SECOND_S + 2)
        assert not client.connected
        await network.accept()
        await talk.play(_TALK, _IN_SECOND_S + 2, len(_TALK) / 16_000)
        await talk.close()
    assert talk.restored == [True]
    talk.assert_two_turns()


async def test_a_cable_that_is_pulled_out_is_noticed(network: TcpProxy) -> None:
    async with ReconnectingAsr.connect([network.ws], live=True) as client:
        talk = Talk(client)
        await talk.play(_TALK, 0, _IN_SECOND_S)
        network.stall()
        network.forget()
        await talk.play(_TALK, _IN_SECOND_S, len(_TALK) / 16_000)
        await talk.close()
    assert talk.restored == [True]
    # the service cannot know, and takes it for the end of the turn
    said = " ".join(final.text for final in talk.finals)
    assert error_rate(f"{_FIRST} {_SECOND}", said) <= 0.2


@pytest.mark.parametrize("at_s", [0.0, 0.9, _SECOND_AT_S - 0.9, _IN_SECOND_S])
async def test_a_service_that_is_killed_costs_no_word(asr: RunningService, at_s: float) -> None:
    with running("asr") as doomed:
        async with ReconnectingAsr.connect([doomed.ws, asr.ws], live=True) as client:
            talk = Talk(client)
            await talk.play(_TALK, 0, at_s)
            doomed.process.kill()
            await talk.play(_TALK, at_s, len(_TALK) / 16_000)
            await talk.close()
    assert talk.restored == [False]
    lost, restored = [e for e in talk.heard if isinstance(e, ConnectionLost | ConnectionRestored)]
    assert (lost.url, restored.url) == (doomed.ws, asr.ws)
    talk.assert_two_turns()


async def test_a_service_that_is_started_again_is_gone_back_to() -> None:
    with running("asr") as first:
        port = first.port
        async with ReconnectingAsr.connect([first.ws], live=True) as client:
            talk = Talk(client)
            await talk.play(_TALK, 0, _IN_SECOND_S)
            first.process.kill()
            first.process.wait()
            with running("asr", port=port):
                await talk.play(_TALK, _IN_SECOND_S, len(_TALK) / 16_000)
                await talk.close()
    assert talk.restored == [False]
    talk.assert_two_turns()


async def test_a_file_goes_in_as_fast_as_it_is_heard_and_nothing_is_lost(
    network: TcpProxy,
) -> None:
    text = " ".join([_FIRST, _SECOND] * 4)
    async with ReconnectingAsr.connect([network.ws]) as client:
        talk = Talk(client)
        pcm = float_to_int16(np.tile(_TALK, 4)).tobytes()
        for number, at in enumerate(range(0, len(pcm), 1 << 16)):
            await client.send(pcm[at : at + (1 << 16)])
            if number % 6 == 5:
                network.drop()
        await talk.close()
    assert len(talk.restored) >= 2
    assert error_rate(text, " ".join(final.text for final in talk.finals)) <= 0.1


async def test_who_has_no_room_is_passed_over(asr: RunningService) -> None:
    with running("asr", SERVER__MAX_SESSIONS=1) as full:
        urls: Sequence[str] = [full.ws, asr.ws]
        async with ReconnectingAsr.connect(urls) as first, ReconnectingAsr.connect(urls) as second:
            assert first.ready.limits.max_sessions == 1
            assert second.ready.limits.max_sessions == 30
            with pytest.raises(AtCapacity, match="busy"):
                async with ReconnectingAsr.connect([full.ws]):
                    pass


async def test_in_the_end_it_gives_up(network: TcpProxy) -> None:
    patience = Backoff(give_up_s=0.5)
    async with ReconnectingAsr.connect([network.ws], live=True, backoff=patience) as client:
        await network.refuse()
        network.drop()
        assert isinstance(await anext(client), ConnectionLost)
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match="no service could be reached"):
                await anext(client)
        with pytest.raises(EngineUnavailable):
            await client.send(bytes(640))
