"""Services on a machine without any model to hear with: they run, and say what to do."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.cli.command import sentence, voice_agent
from tests.services.conftest import RunningService, running
from tests.services.listener import until
from voice_agent.client.asr import AsrClient
from voice_agent.errors import EngineUnavailable

pytestmark = pytest.mark.e2e

WHAT_TO_DO = "no Whisper model is on this machine; run: voice-agent models pull base"


@contextmanager
def without_models(service: str, folder: Path) -> Generator[RunningService]:
    """A service with the default engine, where nothing is and nothing is fetched."""
    nothing: dict[str, Any] = {"ASR__ENGINE": "auto", "ASR__MODEL": "", "MODELS__OFFLINE": True}
    with running(service, until_ready=False, MODELS__DIR=folder, **nothing) as deaf:
        yield deaf


@pytest.fixture(scope="module", params=["asr", "agent"])
def deaf(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningService]:
    with without_models(request.param, tmp_path_factory.mktemp("models")) as service:
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


async def test_our_clients_raise_that_and_an_agent_behind_it_says_the_same(tmp_path: Path) -> None:
    with without_models("asr", tmp_path) as asr:
        with pytest.raises(EngineUnavailable, match=WHAT_TO_DO):
            async with AsrClient.connect(asr.ws):
                pass
        remote: dict[str, Any] = {"ASR__ENGINE": "remote", "ASR__MODEL": "", "ASR__URL": asr.ws}
        with running("agent", until_ready=False, **remote) as agent:
            state: dict[str, Any] = {}

            async def looked() -> bool:
                state.update(httpx2.get(f"{agent.http}/readyz").json())
                return state["needs_help"]

            await until(looked, 30)
            async with connect(agent.ws) as socket:
                error = json.loads(await socket.recv())
    assert error["code"] == "engine_unavailable"
    assert state["reasons"] == [error["message"]]
    assert error["message"].startswith(f"the asr service at {asr.ws}: {WHAT_TO_DO}")


def test_a_command_that_needs_one_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "any.wav"
    file.write_bytes(b"RIFF")
    nothing: dict[str, Any] = {
        "ASR__ENGINE": "auto",
        "MODELS__DIR": tmp_path,
        "MODELS__OFFLINE": True,
    }
    assert sentence(voice_agent("transcribe", file, **nothing)).startswith(WHAT_TO_DO)
