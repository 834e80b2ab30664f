"""The agent gets right what the scenarios of `evals/` ask of it."""

from collections.abc import Generator

import pytest
from pipecat.evals.script import EvalScriptScenario

from evals.agent import PATH
from evals.run import HERE, play, scenarios
from tests.phone_talk import MODEL
from tests.services.conftest import RunningService, base_asr, running
from voice_agent.cli.http_probe import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
__all__ = ["base_asr"]


@pytest.fixture(scope="module")
def agent() -> Generator[RunningService]:
    with running(
        "evals.agent",
        SERVER__PORT=free_port(),
        ASR__ENGINE="whisper",
        ASR__MODEL=MODEL,
    ) as service:
        yield service
        # (a socket whose eval has left first cannot be closed in order)
        errors = [line for line in service.log if "ERROR" in line]
        assert not [line for line in errors if "while closing the websocket" not in line]


@pytest.mark.parametrize(
    "scenario", scenarios(sorted(HERE.glob("*.yaml"))), ids=lambda scenario: scenario.name
)
async def test_scenario(
    scenario: EvalScriptScenario, agent: RunningService, base_asr: RunningService
) -> None:
    result = await play(scenario, agent.ws.replace("/ws", PATH), base_asr.ws)
    assert result.passed, [*map(str, result.failures), *result.events_seen]


async def test_a_scenario_can_fail(agent: RunningService) -> None:
    [scenario, *_] = scenarios([HERE / "text.yaml"])
    scenario.turns[0].expect[0].text_contains = "Two plus three is six."
    scenario.turns[0].expect[0].within_ms = 1000
    result = await play(scenario, agent.ws.replace("/ws", PATH))
    assert not result.passed
    assert "six" in str(result.failures[0])
