"""Requests that are steered: cancelled, queued, written; sessions that are refused or drained."""

import asyncio
import json
import signal

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.services.conftest import RunningService, running
from tests.services.listener import listening, small_socket

LONG = "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun. " * 30


async def test_a_cancel_stops_speech_within_a_chunk(tts: RunningService) -> None:
    async with listening(tts, sock=small_socket(tts)) as listener:
        await listener.send(type="synthesize", request_id="long", text=LONG)
        await listener.first_chunk()
        await listener.send(type="cancel", request_id="long")
        answer = await listener.answer()
        assert answer.complete["cancelled"] is True
        # the client's kernel, ours, and the one being sent
        assert len(answer.chunks) <= 2
        assert answer.complete["chunks_sent"] == 1 + len(answer.chunks)
        assert answer.complete["total_duration_ms"] == pytest.approx(1000 * listener.received_s)
        assert (await listener.speak("Next.")).complete["cancelled"] is False


async def test_a_request_that_waits_is_cancelled_at_once_and_the_others_go_on(
    tts: RunningService,
) -> None:
    async with listening(tts) as listener:
        await listener.send(type="text", request_id="open", delta="Hello")
        await listener.send(type="synthesize", request_id="second", text="Second.")
        await listener.send(type="synthesize", request_id="third", text="Third.")
        await listener.send(type="cancel", request_id="second")
        cancelled = await listener.answer()
        assert cancelled.complete["request_id"] == "second"
        assert cancelled.complete["cancelled"] is True
        assert not cancelled.chunks
        await listener.send(type="flush", request_id="open")
        assert (await listener.answer()).complete["request_id"] == "open"
        assert (await listener.answer()).complete["request_id"] == "third"


async def test_cancelling_all_ends_every_request_exactly_once(tts: RunningService) -> None:
    async with listening(tts) as listener:
        names = {f"r{number}" for number in range(6)}
        for name in sorted(names):
            await listener.send(type="synthesize", request_id=name, text=LONG)
        await listener.first_chunk()
        await listener.send(type="cancel")
        ends = [(await listener.answer()).complete for _ in names]
        assert {end["request_id"] for end in ends} == names
        assert all(end["cancelled"] for end in ends)
        await listener.send(type="ping", id="after")
        assert (await listener.message())["type"] == "pong"


async def test_a_running_request_id_is_refused_and_a_finished_one_is_free(
    tts: RunningService,
) -> None:
    async with listening(tts) as listener:
        await listener.send(type="text", request_id="same", delta="Hello ")
        error = await listener.refusal(type="synthesize", request_id="same", text="Again.")
        assert (error["code"], error["request_id"]) == ("bad_message", "same")
        await listener.send(type="flush", request_id="same")
        assert (await listener.answer()).complete["request_id"] == "same"
        assert (await listener.speak("Again.", request_id="same")).chunks


async def test_more_waiting_requests_than_allowed_are_rate_limited(tts: RunningService) -> None:
    async with listening(tts) as listener:
        await listener.send(type="text", request_id="open", delta="Hello ")
        for number in range(32):
            await listener.send(type="synthesize", request_id=str(number), text="One.")
        error = await listener.refusal(type="synthesize", request_id="more", text="One.")
        assert (error["code"], error["request_id"]) == ("rate_limited", "more")
        assert error["retryable"] is True
        assert error["retry_after_ms"] > 0
        await listener.send(type="flush", request_id="open")
        for name in ["open", *map(str, range(32))]:
            assert (await listener.answer()).complete["request_id"] == name


async def test_written_text_that_cannot_be_spoken_fails_and_ends(tts: RunningService) -> None:
    async with listening(tts) as listener:
        await listener.send(type="text", request_id="smile", delta="😀 …")
        await listener.send(type="flush", request_id="smile")
        answer = await listener.answer()
        assert [error["code"] for error in answer.others] == ["bad_message"]
        assert answer.others[0]["request_id"] == "smile"
        assert answer.complete["cancelled"] is True
        assert answer.complete["chunks_sent"] == 0


async def test_written_text_that_grows_too_long_is_not_added_and_the_request_goes_on(
    tts: RunningService,
) -> None:
    async with listening(tts) as listener:
        await listener.send(type="text", request_id="w", delta="Hello there")
        error = await listener.refusal(type="text", request_id="w", delta="a" * 5000)
        assert (error["code"], error["request_id"]) == ("text_too_long", "w")
        await listener.send(type="flush", request_id="w")
        answer = await listener.answer()
        assert answer.chunks[-1][0]["text_end"] == len("Hello there")


async def test_a_flushed_request_takes_no_more_text(tts: RunningService) -> None:
    async with listening(tts) as listener:
        await listener.send(type="text", request_id="first", delta="Hello")
        await listener.send(type="text", request_id="w", delta="Hello")
        await listener.send(type="flush", request_id="w")
        for kind in ({"type": "text", "delta": "more"}, {"type": "flush"}):
            error = await listener.refusal(json.dumps({**kind, "request_id": "w"}))
            assert (error["code"], error["request_id"]) == ("bad_message", "w")


async def test_a_ping_is_answered_while_speech_is_sent(tts: RunningService) -> None:
    async with listening(tts) as listener:
        await listener.send(type="synthesize", text=LONG)
        await listener.send(type="ping", id=7)
        answer = await listener.answer()
        assert [(m["type"], m["id"]) for m in answer.others] == [("pong", 7)]


async def test_a_full_service_refuses_at_once_and_serves_who_is_there() -> None:
    with running("tts", SERVER__MAX_SESSIONS=1) as service:
        async with listening(service) as listener:
            for _ in range(10):
                async with connect(service.ws) as refused, asyncio.timeout(20):
                    error = json.loads(await refused.recv())
                    with pytest.raises(ConnectionClosed):
                        await refused.recv()
                assert error["code"] == "at_capacity"
                assert error["retry_after_ms"] > 0
                assert refused.close_code == 1013
            assert (await listener.speak("Still here.")).chunks


async def test_running_speech_finishes_when_the_service_is_told_to_end() -> None:
    with running("tts") as service:
        async with listening(service, sock=small_socket(service)) as listener:
            await listener.send(type="synthesize", text=LONG)
            await listener.first_chunk()
            service.process.send_signal(signal.SIGTERM)
            answer = await listener.answer()
            assert [m["type"] for m in answer.others] == ["draining"]
            assert answer.others[0]["deadline_ms"] > 0
            assert answer.complete["cancelled"] is False
            async with connect(service.ws) as late:
                assert json.loads(await late.recv())["code"] == "at_capacity"
        code = await asyncio.to_thread(service.process.wait, 10)
    assert code == 0


async def test_a_session_that_stays_is_closed_at_the_deadline_of_a_drain() -> None:
    with running("tts", SERVER__DRAIN_TIMEOUT_S=0.3) as service:
        async with listening(service) as listener:
            service.process.send_signal(signal.SIGTERM)
            assert (await listener.message())["type"] == "draining"
            with pytest.raises(ConnectionClosed):
                await listener.message()
            assert listener.socket.close_code == 1012
        assert await asyncio.to_thread(service.process.wait, 10) == 0
