"""The owner over a scripted model, with more work than time."""

import asyncio

from tests.engines.whisper.owning import ScriptedOwner, ask, busy, metric, opened, texts, until
from tests.engines.whisper.scripted_model import (
    ScriptedClock,
    ScriptedModel,
    heard,
)
from voice_agent.engines.circuit_breaker import CircuitBreaker
from voice_agent.engines.whisper.window import FULL_FRAMES


async def test_late_jobs_raise_the_pressure_and_partials_no_longer_fill_up_batches() -> None:
    clock = ScriptedClock()
    model = ScriptedModel()
    async with opened(model, clock=clock) as owner:
        waiting = [await busy(owner, model), ask(owner, 1)]
        await asyncio.sleep(0)
        clock.now_s += 2
        model.let_go()
        await asyncio.gather(*waiting)
        assert owner.pressure.level == 1
        assert metric("pressure") == 1
        waiting = [
            await busy(owner, model),
            ask(owner, 1, is_final=False),
            ask(owner, 2),
            ask(owner, 3, is_final=False),
            ask(owner, 4),
        ]
        await asyncio.sleep(0)
        model.let_go()
        await asyncio.gather(*waiting)
    assert model.batches[-2:] == [[2, 4], [1, 3]]


async def test_under_pressure_bad_finals_are_tried_once_more_in_the_full_window() -> None:
    model = ScriptedModel(script=lambda call: [heard("no " * 10) for _ in "1"])
    async with opened(model, clock=ScriptedClock()) as owner:
        await ask(owner, 1)
        assert len(model.calls) == 4
        for level in (1, 2, 3, 4):
            _press(owner, level)
            before = len(model.calls)
            await ask(owner, 1)
            tries = model.calls[before:]
            assert [call.windows[0].frames for call in tries] == [500, FULL_FRAMES]
            assert [call.temperature for call in tries] == [0.0, 0.0]


async def test_the_pressure_shown_falls_also_while_nothing_comes() -> None:
    clock = ScriptedClock()
    breaker = CircuitBreaker("whisper", probe_every_s=0.01)
    async with opened(ScriptedModel(), clock=clock, breaker=breaker) as owner:
        owner.pressure.note(2.0)
        await ask(owner, 1)
        assert metric("pressure") == 1
        clock.now_s += 6
        await until(lambda: metric("pressure") == 0)


async def test_under_much_pressure_a_batch_waits_for_more_jobs() -> None:
    model = ScriptedModel()
    async with opened(model, clock=ScriptedClock()) as owner:
        for _ in range(20):
            owner.pressure.note(3.0)
        first = ask(owner, 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await texts(first, ask(owner, 2)) == ["1", "2"]
        assert metric("gather_seconds") > 0
    assert model.batches == [[1, 2]]


async def test_who_leaves_while_a_batch_waits_for_more_is_not_decoded() -> None:
    model = ScriptedModel()
    async with opened(model, clock=ScriptedClock()) as owner:
        for _ in range(20):
            owner.pressure.note(3.0)
        gone = ask(owner, 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gone.cancel()
        assert await texts(ask(owner, 2)) == ["2"]
    assert model.batches == [[2]]


async def test_no_pressure_changes_the_windows_or_the_model_of_a_final() -> None:
    big, small = ScriptedModel("big", 300), ScriptedModel("small", 200)
    async with opened(big, small, clock=ScriptedClock()) as owner:
        for level in (1, 2, 3, 4):
            _press(owner, level)
            await ask(owner, level, model="big", frames=1200)
            assert not owner.stand_ins
    assert [call.windows[0].frames for call in big.calls] == [1200] * 4
    assert not small.calls


def _press(owner: ScriptedOwner, level: int) -> None:
    late_s = (0.3, 0.6, 1.3, 2.5)[level - 1]  # a little more than the step needs
    while owner.pressure.level < level:
        owner.pressure.note(late_s)
