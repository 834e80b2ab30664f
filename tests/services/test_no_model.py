"""Services on a machine without any model to hear with: they run, and say what to do."""

import json
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.cli.command import sentence, voice_agent
from tests.services.conftest import RunningService, running
from voice_agent.client.asr import AsrClient
from voice_agent.errors import EngineUnavailable

pytestmark = pytest.mark.e2e

WHAT_TO_DO = "no Whisper model is on this machine; run: voice-agent models pull base"


@pytest.fixture(scope="module", params=["asr", "agent"])
def deaf(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningService]:
    nothing = {"ASR__ENGINE": "auto", "ASR__MODEL": "", "MODELS__OFFLINE": True}
    folder: Path = tmp_path_factory.mktemp("models")
    with running(request.param, until_ready=False, MODELS__DIR=folder, **nothing) as service:
        yield service


def test_it_lives_and_is_not_ready_and_says_what_to_do(deaf: RunningService) -> None:
    assert httpx2.get(f"{deaf.http}/healthz").status_code == 200
    answer = httpx2.get(f"{deaf.http}/readyz")
    assert answer.status_code == 503
    assert answer.json()["needs_help"] is True
    [reason] = answer.json()["reasons"]
    assert reason.startswith(WHAT_TO_DO)
    assert reason.endswith("start the service again")


def test_it_says_what_hears_and_why_nothing_does(deaf: RunningService) -> None:
    hears = httpx2.get(f"{deaf.http}/v1/info").json()["engines"]["hears"]
    assert (hears["name"], hears["model"], hears["languages"]) == ("none", "", [])
    assert hears["why"].startswith(WHAT_TO_DO)


async def test_a_client_is_refused_with_what_to_do(deaf: RunningService) -> None:
    async with connect(deaf.ws) as socket:
        error = json.loads(await socket.recv())
        assert (error["type"], error["code"]) == ("error", "engine_unavailable")
        assert error["message"].startswith(WHAT_TO_DO)
        assert "retry_after_ms" not in error
        await socket.wait_closed()
        assert socket.close_code == 1013


async def test_our_clients_raise_that(deaf: RunningService) -> None:
    with pytest.raises(EngineUnavailable, match=WHAT_TO_DO):
        async with AsrClient.connect(deaf.ws):
            pass


def test_an_agent_that_hears_through_such_a_service_says_the_same(deaf: RunningService) -> None:
    remote = {"ASR__ENGINE": "remote", "ASR__MODEL": "", "ASR__URL": deaf.ws}
    with running("agent", until_ready=False, **remote) as agent:
        if "agent" in deaf.process.args:  # no ASR service, and that is what is said
            return
        answer = httpx2.get(f"{agent.http}/readyz").json()
        assert answer["needs_help"] is True
        assert WHAT_TO_DO in answer["reasons"][0]


def test_a_command_that_needs_one_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "any.wav"
    file.write_bytes(b"RIFF")
    nothing = {"ASR__ENGINE": "auto", "MODELS__DIR": tmp_path, "MODELS__OFFLINE": True}
    assert sentence(voice_agent("transcribe", file, **nothing)).startswith(WHAT_TO_DO)
