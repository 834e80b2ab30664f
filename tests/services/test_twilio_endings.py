"""Telephone calls that are whole, and calls that end in the middle of something."""

import asyncio
import json
import socket
import time
from collections.abc import Generator

import numpy as np
import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from tests.scripted_llm import Script, ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.telephoning import TONE, dialled, in_a_call, stream_url, until_free
from tests.services.test_twilio_conversation import ask
from tests.twilio_messages import start
from voice_agent.cli.http_probe import free_port
from voice_agent.client.twilio_call import FRAME_BYTES, FRAME_S, RATE_HZ, calling

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# uvicorn asks every 20 s whether somebody is there, and waits 20 s for the answer
_GONE_WITHIN_S = 50.0


@pytest.fixture(scope="module")
def echo() -> Generator[RunningService]:
    with running("echo", TWILIO__INSECURE="true", SERVER__MAX_SESSIONS=5) as service:
        yield service
        assert [line for line in service.log if "ERROR" in line] == []


async def test_ten_seconds_come_back_whole(echo: RunningService) -> None:
    sound = np.random.default_rng(1).integers(0x80, 0xC0, 500 * FRAME_BYTES, np.uint8).tobytes()
    async with calling(stream_url(echo)) as call:
        began_s = time.monotonic()
        await call.say(sound)
        took_s = time.monotonic() - began_s
        await call.wait(lambda: False, 0.5)
    # Twilio's side: fifty messages a second
    assert took_s > 500 * FRAME_S - 0.5
    # ours: frames of 20 ms, nothing else, nothing lost
    assert call.odd == {}
    assert {message["event"] for _, message in call.messages} == {"media"}
    assert {message["streamSid"] for _, message in call.messages} == {call.stream_sid}
    assert len(call.messages) == pytest.approx(525, abs=15)
    loud = np.flatnonzero(np.frombuffer(bytes(call.heard), np.uint8) != 0xFF)
    # (a busy machine has holes between frames; a few samples of noise are 0)
    assert len(loud) == pytest.approx(len(sound), abs=0.02 * len(sound))
    assert loud[-1] - loud[0] < len(sound) + RATE_HZ
    assert call.close_code == 1000


@pytest.mark.parametrize("how", ["closed", "half closed"])
def test_a_connection_that_ends_without_stop_ends_its_call(echo: RunningService, how: str) -> None:
    with dialled(echo) as line:
        line.begin("CAgone")
        assert line.hears()
        if how == "closed":
            line.connection.close()
        else:
            line.connection.socket.shutdown(socket.SHUT_WR)
        until_free(echo, within_s=5)


@pytest.mark.long
def test_a_caller_who_vanishes_is_noticed(echo: RunningService) -> None:
    # nothing of a WebSocket answers: the connection stays open, and no ping is answered
    protocol = ClientProtocol(parse_uri(stream_url(echo)))
    with socket.create_connection(("127.0.0.1", echo.port)) as raw:
        protocol.send_request(protocol.connect())
        raw.sendall(b"".join(protocol.data_to_send()))
        protocol.receive_data(raw.recv(4096))
        for message in ('{"event":"connected"}', json.dumps(start(call_sid="CAvanished"))):
            protocol.send_text(message.encode())
        raw.sendall(b"".join(protocol.data_to_send()))
        time.sleep(1)
        with pytest.raises(AssertionError, match="holds a slot"):
            until_free(echo, within_s=0.5)
        until_free(echo, within_s=_GONE_WITHIN_S)


async def test_a_caller_who_does_not_read_holds_nobody_up(echo: RunningService) -> None:
    def slow() -> None:
        # says much, and hears nothing of it
        with in_a_call(echo, "CAslow") as line:
            line.speak(3000)
            time.sleep(2)

    async with calling(stream_url(echo)) as call:
        slowly = asyncio.create_task(asyncio.to_thread(slow))
        await call.say(TONE * 200)
        await slowly
        await call.wait(lambda: False, 0.5)
    loud = np.flatnonzero(np.frombuffer(bytes(call.heard), np.uint8) != 0xFF)
    # nearly all of it came in its time: what comes too late is left out
    assert len(loud) > 0.9 * 200 * FRAME_BYTES
    await asyncio.to_thread(until_free, echo)


async def test_a_caller_may_hang_up_while_a_function_runs() -> None:
    port = free_port()
    model = ScriptedModel(answers=[Script(calls=(("think_long", "{}"),)), "Never said."])
    with running(
        "agent",
        TWILIO__INSECURE="true",
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
        LLM__TOOLS="tests/services/key_tools.py:TOOLS",
        LLM__TOOL_TIMEOUT_S=60,
        CONVERSATION__FILLER="One moment.",
        LLM__FILLER_AFTER_MS=300,
    ) as service:
        async with serving(model, port), calling(stream_url(service)) as call:
            # the filler is heard, so the function runs
            await ask(call)
            # which takes 50 s
            await call.hang_up()
            assert await call.wait(lambda: call.over, 20)
            await asyncio.to_thread(until_free, service, 20)
        assert call.close_code == 1000
        assert len(model.asked) == 1
        assert not [line for line in service.log if "ERROR" in line]
