"""What a client may do wrong to the agent: it is told, and everything else goes on."""

import asyncio
import json
import os
import signal

import httpx2
import psutil
import pytest
from websockets.asyncio.client import connect

from tests.services.conftest import RunningService, running
from tests.services.conversing import conversing

pytestmark = pytest.mark.e2e

BAD = {
    "not JSON": ("{", "bad_message"),
    "no object": ("[1]", "bad_message"),
    "unknown type": ('{"type": "sing"}', "bad_message"),
    "unknown field": ('{"type": "interrupt", "now": true}', "bad_message"),
    "wrong type": ('{"type": "text", "text": 7}', "bad_message"),
    "no text": ('{"type": "text", "text": ""}', "bad_message"),
    "white space": ('{"type": "text", "text": " \\n "}', "bad_message"),
    "long text": (json.dumps({"type": "text", "text": "a" * 5001}), "bad_message"),
    "long ago": ('{"type": "playback", "played_ms": 1e12}', "bad_message"),
    "before time": ('{"type": "playback", "played_ms": -1}', "bad_message"),
    "no number": ('{"type": "playback", "played_ms": NaN}', "bad_message"),
    "TTS message": ('{"type": "synthesize", "text": "hello"}', "bad_message"),
    "large text": (json.dumps({"type": "text", "text": "a" * (2 << 20)}), "too_large"),
    "large audio": (b"\x01" * (2 << 20), "too_large"),
    "bad rate": ('{"type": "config", "sample_rate": 7}', "bad_message"),
}


async def test_bad_messages_are_told_and_the_conversation_goes_on(agent: RunningService) -> None:
    async with conversing(agent.ws) as caller:
        for count, (name, (data, code)) in enumerate(BAD.items(), 1):
            await caller.socket.send(data)
            error = (await caller.until("error", count)).message
            assert error["code"] == code, name
        turn = await caller.ask("what is one plus one")
        await caller.until("audio_chunk")
        # and in the middle of an answer
        await caller.socket.send("{")
        await caller.until("error", len(BAD) + 1)
        end = (await caller.until("answer_end", turn=turn)).message
        assert end["heard_text"] == "One plus one is two."


async def test_emoji_are_answered(agent: RunningService) -> None:
    async with conversing(agent.ws) as caller:
        turn = await caller.ask("\U0001f600")
        await caller.until("audio_chunk", turn=turn)
        assert caller.text_of(turn).startswith("I heard no words.")


async def test_the_longest_text_can_be_interrupted(agent: RunningService) -> None:
    text = "This is a sentence. " * 250
    async with conversing(agent.ws.removesuffix("/ws") + "/direct") as caller:
        turn = await caller.ask(text[:5000])
        await caller.until("audio_chunk", 3)
        await caller.say("interrupt")
        end = (await caller.until("answer_end", turn=turn)).message
        assert end["interrupted"] is True
        sent_s = sum(h.message["duration_ms"] for h in caller.of("audio_chunk")) / 1000
        assert sent_s < 15  # no more than the client may have in hand


async def open_sessions(service: RunningService) -> int:
    async with httpx2.AsyncClient() as client:
        return (await client.get(f"{service.http}/v1/info")).json()["sessions"]


async def until_empty(service: RunningService) -> None:
    async with asyncio.timeout(10):
        while await open_sessions(service):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)


async def leave_in_the_middle(service: RunningService) -> None:
    async with connect(service.ws, max_size=None) as socket:
        await socket.send('{"type": "text", "text": "count to thirty"}')
        async for data in socket:
            if isinstance(data, bytes):
                socket.transport.abort()
                return


async def test_callers_who_vanish_leave_nothing_behind(agent: RunningService) -> None:
    process = psutil.Process(agent.process.pid)
    await asyncio.gather(*(leave_in_the_middle(agent) for _ in range(10)))
    await until_empty(agent)
    before_bytes, before_fds = process.memory_info().rss, process.num_fds()
    for _ in range(2):
        await asyncio.gather(*(leave_in_the_middle(agent) for _ in range(10)))
        await until_empty(agent)
    assert process.memory_info().rss - before_bytes < 15 << 20
    assert process.num_fds() <= before_fds + 3
    log = "".join(agent.log)
    assert "Traceback" not in log
    assert "dangling" not in log.lower()
    async with conversing(agent.ws) as caller:
        await caller.ask("hello")
        await caller.until("audio_chunk")


async def test_a_caller_who_asks_without_end_and_reads_nothing_costs_little(
    agent: RunningService,
) -> None:
    process = psutil.Process(agent.process.pid)
    before_bytes = process.memory_info().rss
    question = json.dumps({"type": "text", "text": "count to thirty " * 300})
    async with connect(agent.ws, max_queue=1, close_timeout=0.2, compression=None) as socket:
        sent = 0
        try:
            async with asyncio.timeout(3):
                while True:
                    await socket.send(question)
                    sent += 1
        except TimeoutError:
            pass
        assert process.memory_info().rss - before_bytes < 60 << 20, f"after {sent} questions"
        socket.transport.abort()
    await until_empty(agent)


async def test_at_the_end_running_conversations_finish() -> None:
    with running("agent", SERVER__DRAIN_TIMEOUT_S=1.5) as service:
        async with conversing(service.ws) as caller:
            turn = await caller.ask("hello")
            await caller.until("audio_chunk", turn=turn)
            os.kill(service.process.pid, signal.SIGTERM)
            draining = await caller.until("draining")
            assert draining.message["deadline_ms"] == 1500
            chunks = len(caller.of("audio_chunk"))
            await caller.say("ping", id=1)
            await caller.until("pong")
            assert len(caller.of("audio_chunk")) >= chunks
            assert await caller.ended() == 1012
        assert service.process.wait(20) == 0
    assert "Traceback" not in "".join(service.log)
