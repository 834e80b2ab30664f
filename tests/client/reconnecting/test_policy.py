"""What a lasting client does when, without sockets and without waiting."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.client.reconnecting.scripted_network import ScriptedConnection, ScriptedNetwork
from voice_agent.client.connection import Resume
from voice_agent.client.reconnecting import (
    AudioDropped,
    Backoff,
    ConnectionLost,
    ConnectionRestored,
    Endpoints,
    ReconnectingAsr,
)
from voice_agent.errors import (
    AtCapacity,
    BadMessage,
    EngineTimeout,
    EngineUnavailable,
    IdleTimeout,
    Unauthorized,
    VoiceAgentError,
)
from voice_agent.wire.asr import SpeechStart
from voice_agent.wire.common import Pong

A, B = "ws://a/ws", "ws://b/ws"
SECOND = bytes(32_000)


@asynccontextmanager
async def talking(
    network: ScriptedNetwork, *urls: str, live: bool = True, **options: Any
) -> AsyncGenerator[ReconnectingAsr]:
    client = ReconnectingAsr(
        Endpoints(urls or [A], clock=lambda: network.now_s),
        network.connect,
        config=options.get("config", {}),
        live=live,
        max_kept_s=options.get("max_kept_s", 60.0),
        backoff=options.get("backoff", Backoff()),
        surroundings=network.surroundings,
    )
    async with asyncio.timeout(5), client.running():
        yield client


async def settle() -> None:
    """Lets everything run that can."""
    for _ in range(50):
        await asyncio.sleep(0)


def audio_s(connection: ScriptedConnection) -> float:
    return sum(len(data) for data in connection.sent if isinstance(data, bytes)) / len(SECOND)


def messages(connection: ScriptedConnection) -> list[str]:
    return [json.loads(data)["type"] for data in connection.sent if isinstance(data, str)]


def pings(connection: ScriptedConnection) -> list[int]:
    texts = [json.loads(data) for data in connection.sent if isinstance(data, str)]
    return [message["id"] for message in texts if message["type"] == "ping"]


async def test_the_first_address_that_has_room_is_used() -> None:
    network = ScriptedNetwork()
    network.answers = {A: [AtCapacity("busy")], B: [], "ws://c/ws": []}
    async with talking(network, "c", "a", "b"):
        assert network.asked == [("ws://c/ws", None)]
    network.answers["ws://c/ws"] = [EngineUnavailable("nobody")]
    async with talking(network, "c", "a", "b"):
        assert [url for url, _ in network.asked[1:]] == ["ws://c/ws", A, B]
    assert network.waits_s == []


@pytest.mark.parametrize(
    ("at_a", "at_b", "raised"),
    [
        (AtCapacity("busy"), EngineUnavailable("nobody"), AtCapacity),
        (EngineUnavailable("nobody"), AtCapacity("busy"), AtCapacity),
        (EngineUnavailable("nobody"), Unauthorized("a key"), Unauthorized),
    ],
)
async def test_if_none_can_be_used_it_says_why_at_once(
    at_a: VoiceAgentError, at_b: VoiceAgentError, raised: type[VoiceAgentError]
) -> None:
    network = ScriptedNetwork(answers={A: [at_a], B: [at_b]})
    with pytest.raises(raised):
        async with talking(network, A, B):
            pass
    assert len(network.asked) == 2
    assert network.waits_s == []


async def test_a_session_is_gone_on_with_and_only_what_is_missing_is_sent_again() -> None:
    network = ScriptedNetwork(resumes=lambda _: 3)
    async with talking(network) as client:
        await client.send(SECOND)  # a config, and four pieces, and a ping
        await settle()
        first = network.connections[0]
        first.say(SpeechStart(timestamp=0.1))
        first.lose()
        assert await anext(client) == SpeechStart(timestamp=0.1)
        assert isinstance(await anext(client), ConnectionLost)
        await client.send(SECOND)
        assert await anext(client) == ConnectionRestored(A, resumed=True, away_s=0.0)
        await settle()
        second = network.connections[1]
    assert network.asked[1] == (A, Resume("t0", 2))
    assert messages(first) == ["config", "ping"]
    assert (audio_s(first), audio_s(second)) == (1.0, 1.5)
    assert first.closed
    assert second.closed


async def test_another_session_is_configured_and_hears_the_open_turn_again() -> None:
    network = ScriptedNetwork()
    async with talking(network, A, B, config={"language": "de"}) as client:
        await client.send(SECOND * 5)
        await client.configure(words=False)
        await client.send(SECOND * 3)
        await settle()
        first = network.connections[0]
        *before, _, last = pings(first)
        for ping in before:
            first.say(Pong(id=ping))
        first.say(SpeechStart(timestamp=6.0))
        first.say(Pong(id=last))
        first.lose()
        network.answers[A] = [EngineUnavailable("nobody")]
        assert [type(await anext(client)) for _ in range(2)] == [SpeechStart, ConnectionLost]
        await client.finalize()
        assert await anext(client) == ConnectionRestored(B, resumed=False, away_s=0.0)
        await settle()
        second = network.connections[1]
        config, *rest = second.sent
        assert isinstance(config, str)
        assert json.loads(config) == {
            "type": "config",
            "sample_rate": 16_000,
            "channels": 1,
            "encoding": "pcm_s16le",
            "language": "de",
            "words": False,
        }
        assert audio_s(second) == 2.5  # from half a second before the turn
        assert isinstance(rest[-1], str)
        assert json.loads(rest[-1]) == {"type": "finalize"}
        second.say(SpeechStart(timestamp=0.5))
        second.say(SpeechStart(timestamp=2.0))
        with pytest.raises(TimeoutError):  # told before
            async with asyncio.timeout(0.05):
                await anext(client)
    assert [url for url, _ in network.asked] == [A, A, B]


async def test_it_waits_longer_and_longer_and_gives_up() -> None:
    gone = EngineUnavailable("nobody")
    network = ScriptedNetwork()
    async with talking(network, A, B) as client:
        network.connections[0].lose()
        network.answers = {A: [gone] * 99, B: [gone] * 99}
        assert isinstance(await anext(client), ConnectionLost)
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match="no service could be reached for 2"):
                await anext(client)
        with pytest.raises(EngineUnavailable):
            await client.send(SECOND)
    assert network.waits_s == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5])
    assert [url for url, _ in network.asked[1:3]] == [A, B]
    # its own address first, though it fails: the session is there
    assert [url for url, _ in network.asked[-2:]] == [A, B]


async def test_a_live_stream_drops_its_oldest_audio_and_says_so() -> None:
    network = ScriptedNetwork(resumes=lambda _: 1)
    async with talking(network, max_kept_s=3.0) as client:
        await settle()
        network.connections[0].lose()
        assert isinstance(await anext(client), ConnectionLost)
        await client.send(SECOND * 10)
        assert isinstance(await anext(client), ConnectionRestored)
        assert await anext(client) == AudioDropped(0.0, 7.0)
        await settle()
        second = network.connections[1]
        assert audio_s(second) == 3.0
        second.say(SpeechStart(timestamp=1.0))
        assert await anext(client) == SpeechStart(timestamp=8.0)


async def test_who_is_not_live_waits_instead() -> None:
    network = ScriptedNetwork()
    async with talking(network, live=False) as client:
        sending = asyncio.create_task(client.send(SECOND * 30))
        await settle()
        connection = network.connections[0]
        assert not sending.done()
        assert audio_s(connection) == pytest.approx(10.25)
        listening = asyncio.create_task(anext(client))
        answered = 0
        while not sending.done():
            asked = pings(connection)
            for ping in asked[answered:]:
                connection.say(Pong(id=ping))
            answered = len(asked)
            await settle()
        assert audio_s(connection) == 30
        listening.cancel()


async def test_an_error_is_raised_and_the_session_goes_on() -> None:
    network = ScriptedNetwork()
    async with talking(network) as client:
        network.connections[0].say(EngineTimeout("late"))
        network.connections[0].say(EngineUnavailable("the recogniser is broken"))
        network.connections[0].say(SpeechStart(timestamp=1.0))
        with pytest.raises(EngineTimeout):
            await anext(client)
        with pytest.raises(EngineUnavailable, match="broken"):
            await anext(client)
        assert await anext(client) == SpeechStart(timestamp=1.0)
    assert len(network.asked) == 1


async def test_a_session_that_ended_idle_is_not_begun_again_before_there_is_something_to_say() -> (
    None
):
    network = ScriptedNetwork()
    async with talking(network) as client:
        await settle()
        network.connections[0].say(IdleTimeout("nothing came"))
        network.connections[0].lose()
        assert isinstance(await anext(client), ConnectionLost)
        waiting = asyncio.create_task(anext(client))
        await settle()
        assert len(network.asked) == 1
        await client.send(SECOND)
        assert isinstance(await waiting, ConnectionRestored)


async def test_cancelling_a_step_loses_nothing() -> None:
    network = ScriptedNetwork()
    async with talking(network) as client:
        step = asyncio.create_task(anext(client))
        await settle()
        step.cancel()
        network.connections[0].say(SpeechStart(timestamp=1.0))
        assert await anext(client) == SpeechStart(timestamp=1.0)


async def test_it_ends_after_close() -> None:
    network = ScriptedNetwork()
    async with talking(network) as client:
        await client.close()
        await settle()
        assert messages(network.connections[0]) == ["config", "close"]
        network.connections[0].say(None)
        assert [item async for item in client] == []


@pytest.mark.parametrize("encoding", ["auto", "container", "opus"])
async def test_what_could_not_be_sent_again_is_refused(encoding: str) -> None:
    with pytest.raises(BadMessage, match="encoding"):
        async with talking(ScriptedNetwork(), config={"encoding": encoding}):
            pass
    async with talking(ScriptedNetwork()) as client:
        with pytest.raises(BadMessage, match="encoding"):
            await client.configure(encoding=encoding)
