"""Slots, idleness, resuming, going down."""

import asyncio
import json
import signal
import time
from contextlib import suppress

import httpx2
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.services.caller import assert_in_order, call, until_empty
from tests.services.conftest import RunningService, running
from tests.speech import SENTENCES, error_rate, pause, speech

pytestmark = pytest.mark.e2e

_SPOKEN = np.concatenate([pause(0.4), speech(SENTENCES[3])])


async def test_slots_and_idle_clients() -> None:
    """One service with little patience for all that needs one."""
    with running("asr", SERVER__MAX_SESSIONS=2, SERVER__IDLE_TIMEOUT_S=1.5) as service:
        await _a_late_client_gets_at_capacity(service.ws, service.http)
        await _a_silent_client_is_sent_away_even_if_it_pings(service.ws)
        await _a_client_that_speaks_stays(service.ws)


async def _a_late_client_gets_at_capacity(ws: str, http: str) -> None:
    async with call(ws), call(ws):
        # while nobody leaves: it is not kept waiting for a slot
        async with connect(ws) as late, asyncio.timeout(30):
            error = json.loads(await late.recv())
            await late.wait_closed()
        assert (error["type"], error["code"], error["retryable"]) == ("error", "at_capacity", True)
        assert error["retry_after_ms"] > 0
        assert late.close_code == 1013
        ready = httpx2.get(f"{http}/readyz")
        assert (ready.status_code, ready.json()["reasons"]) == (503, ["no free slot"])
    await until_empty(http)
    async with call(ws):
        pass  # the slots are free again
    await until_empty(http)


async def _a_silent_client_is_sent_away_even_if_it_pings(ws: str) -> None:
    async with call(ws) as caller:
        began_s = time.monotonic()

        async def ping_on() -> None:
            with suppress(AssertionError, ConnectionClosed):  # it is over
                while True:
                    await caller.ask("ping", "pong")

        pinging = asyncio.create_task(ping_on())
        assert await caller.ended() == 1001
        await pinging
        assert time.monotonic() - began_s > 1.4
        assert [m["code"] for m in caller.of("error")] == ["idle_timeout"]


async def _a_client_that_speaks_stays(ws: str) -> None:
    async with call(ws) as caller:
        await caller.play(pause(2.5), pace=1.0)
        assert caller.of("error") == []
        await caller.ask("ping", "pong")


async def test_an_old_token_gets_an_error_and_a_fresh_session(asr: RunningService) -> None:
    async with call(f"{asr.ws}?resume=x&last_seq=7") as caller:
        assert caller.messages[0]["code"] == "resume_expired"
        assert caller.messages[1]["type"] == "ready"
        assert error_rate(SENTENCES[3], await caller.transcribe(_SPOKEN)) <= 0.5
        del caller.messages[0]
        assert_in_order(caller.messages)


async def test_going_down_lets_sessions_finish_and_refuses_new_ones() -> None:
    with running("asr") as service:
        async with call(service.ws) as caller:
            await caller.play(_SPOKEN[:16_000])
            service.process.send_signal(signal.SIGTERM)
            assert (await caller.until("draining"))["deadline_ms"] == 30_000
            await caller.play(_SPOKEN[16_000:])
            with pytest.raises((OSError, Exception)):
                async with call(service.ws):
                    pass
            final = await caller.ask("finalize", "final")
            assert error_rate(SENTENCES[3], final["text"]) <= 0.5
        assert await asyncio.to_thread(service.process.wait, 10) == 0


async def _a_new_client_is_refused(ws: str) -> None:
    try:
        async with connect(ws) as late:
            assert json.loads(await late.recv())["code"] == "at_capacity"
    except OSError:
        pass  # it listens no longer


async def test_who_is_not_done_at_the_deadline_is_closed_with_1012() -> None:
    with running("asr", SERVER__DRAIN_TIMEOUT_S=0.5) as service:
        async with call(service.ws) as caller:
            service.process.send_signal(signal.SIGTERM)
            assert (await caller.until("draining"))["deadline_ms"] == 500
            assert await caller.ended() == 1012
        assert await asyncio.to_thread(service.process.wait, 10) == 0
