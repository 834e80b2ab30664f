"""The TTS client that outlives its connections, over a network that fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import pytest
import pytest_asyncio

from tests.services.conftest import RunningService, running
from tests.tcp_proxy import TcpProxy, proxying
from voice_agent.client.reconnecting import (
    Backoff,
    ConnectionLost,
    ConnectionRestored,
    ReconnectingEvent,
    ReconnectingTts,
)
from voice_agent.client.tts import TtsClient
from voice_agent.errors import EngineUnavailable, VoiceNotFound
from voice_agent.wire.tts import AudioChunk, SynthesisOptions

pytestmark = pytest.mark.e2e

_TEXT = (
    "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun. " * 6
    + "Good night."
)
_OPTIONS = SynthesisOptions(encoding="pcm_s16le", sample_rate=16_000, chunk_size=10)
Chunks = list[tuple[AudioChunk, bytes]]


@pytest.fixture(scope="module")
def tts() -> Iterator[RunningService]:
    with running("tts") as service:
        yield service


@pytest_asyncio.fixture
async def network(tts: RunningService) -> AsyncIterator[TcpProxy]:
    async with proxying(tts.port) as proxy:
        yield proxy


async def uncut(service: RunningService) -> Chunks:
    async with TtsClient.connect(service.ws) as client:
        return [chunk async for chunk in client.speak(_TEXT, _OPTIONS)]


def data(chunks: Chunks) -> bytes:
    return b"".join(data for _, data in chunks)


async def test_every_byte_comes_once_whatever_the_network_does(
    tts: RunningService, network: TcpProxy
) -> None:
    whole = await uncut(tts)
    events: list[ReconnectingEvent] = []
    async with ReconnectingTts.connect([network.ws], on_event=events.append) as client:
        chunks: Chunks = []
        network.drop_after(50_000)
        async for chunk in client.speak(_TEXT, _OPTIONS):
            chunks.append(chunk)
            if len(chunks) in (4, 12, 30):
                network.drop_after(40_000)
        after = [chunk async for chunk in client.speak("And again.", _OPTIONS)]
    assert data(chunks) == data(whole)
    spans = [(c.chunk_id, c.duration_ms, c.text_start, c.text_end) for c, _ in chunks]
    assert spans == [(c.chunk_id, c.duration_ms, c.text_start, c.text_end) for c, _ in whole]
    assert len({c.request_id for c, _ in chunks}) == 1
    resumed = [e.resumed for e in events if isinstance(e, ConnectionRestored)]
    assert len(resumed) >= 3
    assert all(resumed)
    assert after[0][0].chunk_id == 0


async def test_a_service_that_is_killed_costs_no_word(
    tts: RunningService,
) -> None:
    whole = await uncut(tts)
    events: list[ReconnectingEvent] = []
    chunks: Chunks = []
    with running("tts") as doomed:
        async with proxying(doomed.port) as network:

            def follow(event: ReconnectingEvent) -> None:
                events.append(event)
                doomed.process.kill()

            async with ReconnectingTts.connect([network.ws, tts.ws], on_event=follow) as client:
                await network.refuse()
                network.drop_after(200_000)
                chunks = [chunk async for chunk in client.speak(_TEXT, _OPTIONS)]
            lost, restored = events
            assert isinstance(lost, ConnectionLost)
            assert lost.url == network.ws
            assert isinstance(restored, ConnectionRestored)
            assert (restored.url, restored.resumed) == (tts.ws, False)
    spans = [chunk for chunk, _ in chunks]
    assert [span.chunk_id for span in spans] == list(range(len(spans)))
    assert (spans[0].text_start, spans[-1].text_end) == (0, len(_TEXT))
    # nothing is left out, and only the word where it broke off is said again
    back = [b.text_start - a.text_end for a, b in pairwise(spans)]
    assert max(back) <= 1
    assert sum(span.duration_ms for span in spans) == pytest.approx(
        sum(c.duration_ms for c, _ in whole), abs=1500
    )
    sound = np.frombuffer(data(chunks), np.int16)
    assert len(sound) == pytest.approx(16 * sum(span.duration_ms for span in spans), abs=16)


async def test_who_leaves_early_can_go_on_over_a_broken_network(network: TcpProxy) -> None:
    async with ReconnectingTts.connect([network.ws]) as client:
        async with aclosing(client.speak(_TEXT, _OPTIONS)) as chunks:
            await anext(chunks)
            network.drop()
        spoken = [chunk async for chunk in client.speak("Hello there.", _OPTIONS)]
    assert [c.chunk_id for c, _ in spoken] == list(range(len(spoken)))
    assert spoken[-1][0].text_end == len("Hello there.")


async def test_a_session_that_is_over_between_two_texts_is_nobodys_business() -> None:
    with running("tts", SERVER__IDLE_TIMEOUT_S=0.4) as service:
        events: list[ReconnectingEvent] = []
        async with ReconnectingTts.connect([service.ws], on_event=events.append) as client:
            for _ in range(2):
                assert [chunk async for chunk in client.speak("Hello there.")]
                await asyncio.sleep(1.2)
        assert [type(e) for e in events] == [ConnectionLost, ConnectionRestored]


async def test_a_refusal_is_raised_and_a_loss_in_the_end_too(network: TcpProxy) -> None:
    patience = Backoff(give_up_s=0.5)
    async with ReconnectingTts.connect([network.ws], backoff=patience) as client:
        with pytest.raises(VoiceNotFound):
            await anext(client.speak("Hello.", SynthesisOptions(voice_id="nobody")))
        await network.refuse()
        network.drop()
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match="no service could be reached"):
                await anext(client.speak("Hello."))
