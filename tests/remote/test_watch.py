"""Whether a service can be used, by what it says over HTTP."""

import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from voice_agent.remote.health_monitor import HealthMonitor

URL, OTHER = "ws://first:1/ws", "ws://second:2/prefix/ws"
INFO = {
    "service": "asr",
    "engines": {
        "hears": {"name": "whisper", "model": "base", "languages": ["en"], "hint": ""},
        "judges_turns": {"name": "smart_turn"},
    },
}
READY = {"ready": True, "reasons": []}


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Hosts:
    """What each host answers; one that is not here refuses connections."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        if request.url.host not in self.answers:
            raise httpx2.ConnectError("refused")
        path = request.url.path.removeprefix("/prefix")
        body = self.answers[request.url.host].get(path, {})
        return httpx2.Response(200, text=body if isinstance(body, str) else json.dumps(body))


def there(info: Any = INFO, ready: Any = READY) -> dict[str, Any]:
    return {"/readyz": ready, "/v1/info": info}


def watch(clock: Clock, urls: Sequence[str] = (URL,)) -> HealthMonitor:
    return HealthMonitor(service="asr", role="hears", urls=urls, clock=clock)


async def test_what_a_service_says_of_itself_is_known() -> None:
    watched = watch(Clock())
    assert "not answered yet" in watched.why_unready
    async with Hosts(first=there()).client() as client:
        await watched.ask(client)
    assert watched.why_unready == ""
    assert watched.seen is not None
    assert (watched.seen.url, watched.seen.name, watched.seen.model) == (URL, "whisper", "base")


async def test_the_next_address_is_taken_when_the_first_is_away() -> None:
    watched, hosts = watch(Clock(), [URL, OTHER]), Hosts(second=there())
    async with hosts.client() as client:
        await watched.ask(client)
    assert watched.seen is not None
    assert watched.seen.url == OTHER
    assert hosts.asked == [
        "http://first:1/readyz",
        "http://second:2/prefix/readyz",
        "http://second:2/prefix/v1/info",
    ]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({}, "no asr service answers at ws://first:1/ws"),
        ({"first": there(info="<html>")}, "ws://first:1/ws is no service of ours"),
        ({"first": there(info={**INFO, "service": "tts"})}, "of kind tts, not asr"),
        ({"first": there(ready={"ready": False, "reasons": ["draining"]})}, "draining"),
    ],
)
async def test_what_cannot_be_used_has_a_reason(answers: dict[str, Any], reason: str) -> None:
    watched = watch(Clock())
    async with Hosts(**answers).client() as client:
        await watched.ask(client)
    assert reason in watched.why_unready


async def test_a_service_that_is_started_again_makes_nobody_wait() -> None:
    clock = Clock()
    watched = watch(clock)
    async with Hosts(first=there()).client() as client:
        await watched.ask(client)
    async with Hosts().client() as client:
        await watched.ask(client)
        assert watched.trouble
        assert watched.why_unready == ""
        clock.now_s += 6
        assert "no asr service answers" in watched.why_unready


async def test_a_service_without_a_free_slot_is_not_ready_at_once() -> None:
    watched = watch(Clock())
    async with Hosts(first=there()).client() as client:
        await watched.ask(client)
    full = there(ready={"ready": False, "reasons": ["no free slot"]})
    async with Hosts(first=full).client() as client:
        await watched.ask(client)
    assert "no free slot" in watched.why_unready
