"""The owner over a scripted model that lacks memory, fails or hangs."""

import asyncio

import pytest

from tests.engines.whisper.owning import (
    ask,
    breaks_on,
    busy,
    metric,
    opened,
    raises,
    texts,
    too_large_above,
    trouble,
    until,
)
from tests.engines.whisper.scripted_model import (
    Call,
    ScriptedClock,
    ScriptedModel,
    says_labels,
)
from voice_agent.engines.circuit_breaker import CircuitBreaker
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.errors import EngineTimeout, EngineUnavailable

_CUDA = RuntimeError("CUDA failed with error out of memory")


# -- memory


@pytest.mark.parametrize("error", [MemoryError(), _CUDA])
async def test_out_of_memory_halves_the_batch_and_all_are_answered(error: Exception) -> None:
    before = trouble("memory"), trouble("failure")
    model = ScriptedModel(script=too_large_above(2, error))
    async with opened(model) as owner:
        waiting = [await busy(owner, model), *(ask(owner, n) for n in range(1, 9))]
        await asyncio.sleep(0)
        model.let_go()
        assert await texts(*waiting) == [str(n) for n in range(9)]
        assert owner.healthy
        assert metric("batch_limit") == 2
        assert not owner.stand_ins
    assert [len(batch) for batch in model.batches] == [1, 8, 4, 2, 2, 2, 2]
    assert (trouble("memory") - before[0], trouble("failure") - before[1]) == (2, 0)


async def test_the_batch_limit_grows_back_after_good_batches() -> None:
    model = ScriptedModel(script=too_large_above(2, MemoryError()))
    async with opened(model, max_batch=4) as owner:
        waiting = [await busy(owner, model), *(ask(owner, n) for n in range(1, 5))]
        await asyncio.sleep(0)
        model.let_go()
        await asyncio.gather(*waiting)
        model.script = says_labels
        for n in range(100):
            await ask(owner, n)
        waiting = [await busy(owner, model), *(ask(owner, n) for n in range(1, 5))]
        await asyncio.sleep(0)
        model.let_go()
        await asyncio.gather(*waiting)
        assert metric("batch_limit") == 4
    assert model.batches[-1] == [1, 2, 3, 4]


async def test_a_model_that_does_not_fit_is_stood_in_for_by_the_next_smaller_one() -> None:
    before = trouble("smaller_model")
    clock = ScriptedClock()
    big = ScriptedModel("big", 300, script=raises(_CUDA))
    small, tiny = ScriptedModel("small", 200), ScriptedModel("tiny", 100)
    async with opened(big, tiny, small, clock=clock) as owner:
        assert await texts(ask(owner, 1, model="big", prompt=(5, 6))) == ["1"]
        assert owner.stand_ins == {"big": "small"}
        assert owner.healthy
        assert await texts(ask(owner, 2, model="big")) == ["2"]
        assert (big.batches, small.batches, tiny.batches) == ([[1]], [[1], [2]], [])
        assert small.calls[0].windows[0].prompt == ()
        big.script = says_labels
        clock.now_s += 61
        assert not owner.stand_ins
        assert await texts(ask(owner, 3, model="big")) == ["3"]
        assert big.batches == [[1], [3]]
    assert trouble("smaller_model") - before == 1


async def test_stand_ins_that_do_not_fit_are_stood_in_for_too() -> None:
    big, small = ScriptedModel("big", 300), ScriptedModel("small", 200)
    big.script = small.script = raises(MemoryError())
    async with opened(big, small, ScriptedModel("tiny", 100)) as owner:
        assert await texts(ask(owner, 1, model="big")) == ["1"]
        assert owner.stand_ins == {"big": "tiny", "small": "tiny"}


async def test_without_a_smaller_model_only_the_one_that_does_not_fit_fails() -> None:
    def script(call: Call) -> list[Hypothesis]:
        if 2 in call.labels:
            raise MemoryError
        return says_labels(call)

    model = ScriptedModel(script=script)
    async with opened(model) as owner:
        waiting = [await busy(owner, model), *(ask(owner, n) for n in (1, 2, 3))]
        await asyncio.sleep(0)
        model.let_go()
        with pytest.raises(EngineUnavailable, match="out of memory"):
            await waiting.pop(2)
        assert await texts(*waiting) == ["0", "1", "3"]
        assert not owner.stand_ins
        assert owner.healthy


async def test_a_model_of_another_language_does_not_stand_in() -> None:
    big = ScriptedModel("big", 300, languages=("en", "de"), script=raises(MemoryError()))
    async with opened(big, ScriptedModel("small.en", 100)) as owner:
        with pytest.raises(EngineUnavailable):
            await ask(owner, 1, model="big", language="de")
        assert await texts(ask(owner, 2, model="big")) == ["2"]


# -- failures


async def test_one_bad_window_fails_alone() -> None:
    before = trouble("failure")
    model = ScriptedModel(script=breaks_on(2))
    async with opened(model) as owner:
        waiting = [await busy(owner, model), *(ask(owner, n) for n in (1, 2, 3))]
        await asyncio.sleep(0)
        model.let_go()
        with pytest.raises(EngineUnavailable, match="whisper failed: bad window"):
            await waiting.pop(2)
        assert await texts(*waiting) == ["0", "1", "3"]
        assert owner.healthy
    assert trouble("failure") - before == 1


class _RustPanic(BaseException):
    """As the tokenizer raises it."""


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("x"),
        StopIteration(),
        asyncio.CancelledError(),
        SystemExit(1),
        _RustPanic("x"),
        EngineTimeout("x"),
    ],
)
async def test_the_owner_survives_whatever_a_model_raises(error: BaseException) -> None:
    model = ScriptedModel(script=raises(error))
    async with opened(model) as owner:
        with pytest.raises(EngineUnavailable):
            await ask(owner, 1)
        model.script = says_labels
        assert await texts(ask(owner, 2)) == ["2"]
        assert owner.healthy


async def test_the_owner_survives_a_model_that_forgets_a_row() -> None:
    model = ScriptedModel(script=lambda call: says_labels(call)[:-1])
    async with opened(model) as owner:
        with pytest.raises(EngineUnavailable, match="try again"):
            await ask(owner, 1)
        model.script = says_labels
        assert await texts(ask(owner, 2)) == ["2"]


async def test_three_failures_open_the_breaker_and_the_probe_closes_it() -> None:
    before = trouble("open")
    model = ScriptedModel(script=raises(RuntimeError("dead")))
    breaker = CircuitBreaker("whisper", max_failures=3, probe_every_s=0.05)
    async with opened(model, breaker=breaker) as owner:
        for n in range(3):
            assert owner.healthy
            with pytest.raises(EngineUnavailable, match="dead"):
                await ask(owner, n)
        assert not owner.healthy
        n_calls = len(model.calls)
        with pytest.raises(EngineUnavailable, match="left alone") as refused:
            await ask(owner, 3)
        assert (refused.value.retry_after_ms or 0) > 0
        assert len(model.calls) == n_calls
        await until(lambda: len(model.calls) > n_calls + 1)
        assert not owner.healthy
        model.script = says_labels
        await until(lambda: owner.healthy)
        assert await texts(ask(owner, 4)) == ["4"]
    assert trouble("open") - before == 1


async def test_failures_with_successes_between_them_do_not_open_the_breaker() -> None:
    model = ScriptedModel(script=breaks_on(0))
    async with opened(model) as owner:
        for n in range(1, 5):
            with pytest.raises(EngineUnavailable):
                await ask(owner, 0)
            assert await texts(ask(owner, n)) == [str(n)]
        assert owner.healthy


async def test_once_the_breaker_is_open_a_batch_is_not_tried_one_by_one() -> None:
    model = ScriptedModel(script=raises(RuntimeError("dead")))
    async with opened(model) as owner:
        waiting = [await busy(owner, model), *(ask(owner, n) for n in range(1, 9))]
        waiting += [ask(owner, n) for n in range(9, 17)]
        await asyncio.sleep(0)
        model.let_go()
        found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, EngineUnavailable) for one in found)
    assert [len(batch) for batch in model.batches] == [1, 8, *[1] * 8, 8]


# -- stuck


async def test_a_batch_that_hangs_times_out_and_new_jobs_are_refused_until_it_is_back() -> None:
    before = trouble("stuck")
    model = ScriptedModel()
    async with opened(model, stuck_after_s=0.1) as owner:
        hung = await busy(owner, model)
        behind = ask(owner, 1, timeout_s=0.15)
        with pytest.raises(EngineTimeout, match="stuck"):
            await hung
        assert owner.stuck
        assert not owner.healthy
        with pytest.raises(EngineUnavailable, match="stuck") as refused:
            await ask(owner, 2)
        assert refused.value.retry_after_ms
        with pytest.raises(EngineTimeout):
            await behind
        model.let_go()
        await until(lambda: owner.healthy)
        assert await texts(ask(owner, 3)) == ["3"]
    assert model.batches == [[0], [3]]
    assert trouble("stuck") - before == 1


async def test_a_batch_that_hangs_and_then_fails_leaves_the_owner_well() -> None:
    model = ScriptedModel(script=raises(RuntimeError("at last")))
    async with opened(model, stuck_after_s=0.05) as owner:
        with pytest.raises(EngineTimeout):
            await (await busy(owner, model))
        model.script = says_labels
        model.let_go()
        await until(lambda: owner.healthy)
        assert await texts(ask(owner, 3)) == ["3"]
