import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from voice_agent.client.asr import AsrClient
from voice_agent.client.connection import error_of, service_url
from voice_agent.client.tts import TtsClient
from voice_agent.errors import (
    AtCapacity,
    BadMessage,
    EngineTimeout,
    EngineUnavailable,
    SettingsError,
    VoiceAgentError,
    VoiceNotFound,
)
from voice_agent.wire.asr import SpeechStart
from voice_agent.wire.common import Error, Pong

READY = {
    "type": "ready",
    "session_id": "s",
    "resume_token": "t",
    "engine": {},
    "limits": {
        "max_sessions": 1,
        "max_frame_bytes": 1,
        "max_unprocessed_audio_s": 1,
        "max_text_chars": 1,
        "idle_timeout_s": 1,
    },
    "seq": 1,
}


@asynccontextmanager
async def scripted(
    service: str, script: Callable[[ServerConnection], Awaitable[None]]
) -> AsyncGenerator[str]:
    """A service that says it is ready and then follows the script."""

    async def follow(socket: ServerConnection) -> None:
        await say(socket, **READY, service=service)
        await script(socket)

    async with serve(follow, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def say(socket: ServerConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("localhost:8001", "ws://localhost:8001/ws"),
        ("http://localhost:8001/", "ws://localhost:8001/ws"),
        ("https://speech.example", "wss://speech.example/ws"),
        ("ws://[::1]:8001/direct?token=t", "ws://[::1]:8001/direct?token=t"),
    ],
)
def test_addresses_are_completed(typed: str, meant: str) -> None:
    assert service_url(typed) == meant


@pytest.mark.parametrize("typed", ["", "ftp://host/", "ws://", "host:99999", "host:port"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(SettingsError, match="no address"):
        service_url(typed)


def test_codes_become_our_errors() -> None:
    message = Error.of(VoiceNotFound("no such voice", request_id="r", retry_after_ms=5))
    error = error_of(message)
    assert isinstance(error, VoiceNotFound)
    assert (error.message, error.request_id, error.retry_after_ms) == ("no such voice", "r", 5)
    newer = error_of(message.model_copy(update={"code": "from_the_future"}))
    assert type(newer) is VoiceAgentError


async def test_unknown_messages_and_fields_are_passed_over() -> None:
    async def script(socket: ServerConnection) -> None:
        await say(socket, type="news", text="secret")
        await say(socket, type="speech_start", timestamp=1.5, mood="new")
        await socket.close(1000)

    async with scripted("asr", script) as url, AsrClient.connect(url) as client:
        assert [message async for message in client] == [SpeechStart(timestamp=1.5)]


async def test_the_iteration_goes_on_after_an_error() -> None:
    async def script(socket: ServerConnection) -> None:
        await say(socket, type="error", code="engine_timeout", message="late", retryable=True)
        await say(socket, type="pong", id=1)
        await socket.close(1000)

    async with scripted("asr", script) as url, AsrClient.connect(url) as client:
        with pytest.raises(EngineTimeout, match="late"):
            await anext(client)
        assert await anext(client) == Pong(id=1)


async def test_a_connection_that_breaks_is_an_error() -> None:
    async def script(socket: ServerConnection) -> None:
        await socket.close(1011)

    async with scripted("asr", script) as url, AsrClient.connect(url) as client:
        with pytest.raises(EngineUnavailable, match="was lost \\(code 1011\\)"):
            await anext(client)


async def test_a_full_service_says_when_to_come_back() -> None:
    async def refuse(socket: ServerConnection) -> None:
        await say(socket, **Error.of(AtCapacity("busy", retry_after_ms=7)).model_dump())
        await socket.close(1013)

    async with serve(refuse, "127.0.0.1", 0) as server:
        url = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(AtCapacity) as caught:
            async with AsrClient.connect(url):
                pass
    assert caught.value.retry_after_ms == 7


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def silence(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(silence, "127.0.0.1", 0) as server:
        url = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(EngineUnavailable, match="ready"):
            async with AsrClient.connect(url, timeout_s=0.2):
                pass


async def test_a_value_that_the_wire_does_not_allow_is_not_sent() -> None:
    async def script(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with scripted("asr", script) as url, AsrClient.connect(url) as client:
        with pytest.raises(BadMessage, match="sample_rate"):
            await client.configure(sample_rate=7)


async def test_leaving_speech_early_cancels_it_and_the_next_one_is_clean() -> None:
    asked: list[dict[str, Any]] = []

    async def chunk(socket: ServerConnection, request_id: str, number: int) -> None:
        await say(
            socket,
            type="audio_chunk",
            request_id=request_id,
            chunk_id=number,
            duration_ms=1,
            text_start=0,
            text_end=1,
        )
        await socket.send(request_id.encode())

    async def done(socket: ServerConnection, request_id: str, cancelled: bool) -> None:
        await say(
            socket,
            type="synthesis_complete",
            request_id=request_id,
            total_duration_ms=1,
            chunks_sent=1,
            cancelled=cancelled,
        )

    async def script(socket: ServerConnection) -> None:
        async for data in socket:
            asked.append(json.loads(data))
            if asked[-1]["type"] == "cancel":
                await chunk(socket, "r1", 1)
                await done(socket, "r1", True)
                continue
            await chunk(socket, asked[-1]["request_id"], 0)
            if asked[-1]["request_id"] == "r2":
                await done(socket, "r2", False)

    async with asyncio.timeout(10), scripted("tts", script) as url, TtsClient.connect(url) as tts:
        async with aclosing(tts.speak("one")) as chunks:
            assert (await anext(chunks))[1] == b"r1"
        assert [data async for _, data in tts.speak("two")] == [b"r2"]
    assert [message["type"] for message in asked] == ["synthesize", "cancel", "synthesize"]
