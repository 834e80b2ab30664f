from collections.abc import AsyncIterator

import psutil
import pytest

from voice_agent.engines.child import Child
from voice_agent.errors import EngineTimeout, EngineUnavailable

_SCRIPTED = "tests.engines.scripted_child"


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    child = await Child.start(_SCRIPTED)
    yield child
    child.kill()
    await child.close()


async def test_it_answers_questions_with_any_payload(child: Child) -> None:
    assert child.alive
    payload = bytes(range(256)) * 4096
    for _ in range(2):
        answer = await child.ask({"do": "echo"}, payload, timeout_s=10)
        assert answer == {"bytes": len(payload), "sum": sum(payload)}
    assert (await child.ask({"do": "echo"}, b"", timeout_s=10))["bytes"] == 0


async def test_a_child_that_dies_over_a_question_is_noticed(child: Child) -> None:
    with pytest.raises(EngineUnavailable, match="ended"):
        await child.ask({"do": "die"}, b"", timeout_s=10)
    await child.ended()
    assert not child.alive
    with pytest.raises(EngineUnavailable):
        await child.ask({"do": "echo"}, b"", timeout_s=10)


async def test_a_child_that_does_not_answer_in_time_is_noticed(child: Child) -> None:
    with pytest.raises(EngineTimeout):
        await child.ask({"do": "hang"}, b"", timeout_s=0.05)


async def test_nonsense_is_noticed(child: Child) -> None:
    with pytest.raises(EngineUnavailable, match="nonsense"):
        await child.ask({"do": "babble"}, b"", timeout_s=10)


async def test_a_module_that_does_not_start_is_unavailable() -> None:
    with pytest.raises(EngineUnavailable):
        await Child.start("tests.engines.no_such_child")


async def test_closing_ends_the_process(child: Child) -> None:
    process = psutil.Process(child.pid)
    await child.close()
    assert not child.alive
    assert not process.is_running()
