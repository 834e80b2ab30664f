"""The owner over a scripted model, in its real thread."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.engines.whisper.scripted_model import (
    Call,
    ScriptedClock,
    ScriptedModel,
    heard,
    says_labels,
    window,
)
from voice_agent.engines.base import Priority
from voice_agent.engines.guard import CircuitBreaker
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.owner import Owner
from voice_agent.engines.whisper.window import FULL_FRAMES
from voice_agent.engines.whisper.work import Work, silence_of
from voice_agent.errors import EngineTimeout, EngineUnavailable

Waiting = asyncio.Task[Hypothesis | None]
ScriptedOwner = Owner[ScriptedModel]

_CUDA = RuntimeError("CUDA failed with error out of memory")


@asynccontextmanager
async def opened(
    *models: ScriptedModel, max_batch: int = 8, **options: Any
) -> AsyncIterator[ScriptedOwner]:
    owner = Owner(lambda: models, max_batch=max_batch, **options)
    await owner.open()
    try:
        yield owner
    finally:
        for model in models:
            model.let_go()
        await owner.close()


def ask(
    owner: ScriptedOwner,
    label: int,
    session_id: str = "",
    *,
    model: str = "script",
    is_final: bool = True,
    timeout_s: float = 10.0,
    beam_size: int = 1,
    **fields: Any,
) -> Waiting:
    work = Work(window=window(label, **fields), model=model, is_final=is_final, beam_size=beam_size)
    return asyncio.create_task(
        owner.run(
            work,
            session_id=session_id or f"session {label}",
            priority=Priority.FINAL if is_final else Priority.PARTIAL,
            timeout_s=timeout_s,
        )
    )


async def busy(owner: ScriptedOwner, model: ScriptedModel) -> Waiting:
    """A job that is held up in the model, so that what comes next has to wait."""
    model.hold()
    running = ask(owner, 0, model=model.name)
    await model.begun()
    return running


async def texts(*waiting: Waiting) -> list[str | None]:
    found = await asyncio.gather(*waiting)
    return [hypothesis.text if hypothesis else None for hypothesis in found]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what a thread has done is seen in no event
            await asyncio.sleep(0.002)


def metric(name: str, **labels: str) -> float:
    labels = {"engine": "whisper"} | labels
    return REGISTRY.get_sample_value(f"voice_agent_engine_{name}", labels) or 0.0


def trouble(what: str) -> float:
    return metric("trouble_total", what=what)


def too_large_above(limit: int, error: Exception) -> Callable[[Call], list[Hypothesis]]:
    def script(call: Call) -> list[Hypothesis]:
        if len(call.windows) > limit:
            raise error
        return says_labels(call)

    return script


def raises(error: BaseException) -> Callable[[Call], list[Hypothesis]]:
    def script(_: Call) -> list[Hypothesis]:
        raise error

    return script


def breaks_on(label: int) -> Callable[[Call], list[Hypothesis]]:
    def script(call: Call) -> list[Hypothesis]:
        if label in call.labels:
            raise RuntimeError("bad window")
        return says_labels(call)

    return script


# -- what runs together, and in which order


async def test_jobs_of_many_sessions_share_a_batch() -> None:
    model = ScriptedModel()
    async with opened(model) as owner:
        first = await busy(owner, model)
        others = [ask(owner, n) for n in range(1, 6)]
        await asyncio.sleep(0)
        model.let_go()
        assert await texts(first, *others) == ["0", "1", "2", "3", "4", "5"]
    assert model.batches == [[0], [1, 2, 3, 4, 5]]


async def test_no_batch_is_larger_than_the_limit() -> None:
    before = metric("batch_jobs_count"), metric("batch_jobs_sum")
    model = ScriptedModel()
    async with opened(model, max_batch=3) as owner:
        waiting = [await busy(owner, model), *(ask(owner, n) for n in range(1, 8))]
        await asyncio.sleep(0)
        assert metric("batch_limit") == 3
        model.let_go()
        await asyncio.gather(*waiting)
    assert [len(batch) for batch in model.batches] == [1, 3, 3, 1]
    assert metric("batch_jobs_count") - before[0] == 4
    assert metric("batch_jobs_sum") - before[1] == 8


async def test_only_works_with_equal_keys_share_a_batch() -> None:
    model, other = ScriptedModel(), ScriptedModel("other")
    async with opened(model, other) as owner:
        waiting = [
            await busy(owner, model),
            ask(owner, 1),
            ask(owner, 2, frames=800),
            ask(owner, 3, model="other"),
            ask(owner, 4, prompt=(1, 2)),
            ask(owner, 5, beam_size=5),
            ask(owner, 6),
            ask(owner, 7, prompt=(3, 4)),
            ask(owner, 8, language="de"),
        ]
        await asyncio.sleep(0)
        model.let_go()
        assert await texts(*waiting) == [str(n) for n in range(9)]
    assert model.batches == [[0], [1, 6, 8], [2], [4, 7], [5]]
    assert other.batches == [[3]]
    assert model.calls[-1].beam_size == 5


async def test_finals_come_before_partials_and_the_oldest_deadline_first() -> None:
    model = ScriptedModel()
    async with opened(model, max_batch=1) as owner:
        waiting = [
            await busy(owner, model),
            ask(owner, 1, is_final=False, timeout_s=1),
            ask(owner, 2, timeout_s=9),
            ask(owner, 3, timeout_s=5),
            ask(owner, 4, timeout_s=7),
        ]
        await asyncio.sleep(0)
        model.let_go()
        await asyncio.gather(*waiting)
    assert model.batches == [[0], [3], [4], [2], [1]]


async def test_finals_and_partials_share_a_batch_while_there_is_no_pressure() -> None:
    model = ScriptedModel()
    async with opened(model) as owner:
        waiting = [await busy(owner, model), ask(owner, 1, is_final=False), ask(owner, 2)]
        await asyncio.sleep(0)
        model.let_go()
        await asyncio.gather(*waiting)
    assert model.batches == [[0], [2, 1]]


async def test_a_newer_partial_of_a_session_replaces_the_one_that_waits() -> None:
    model = ScriptedModel()
    async with opened(model) as owner:
        waiting = [
            await busy(owner, model),
            ask(owner, 1, "a", is_final=False),
            ask(owner, 2, "b", is_final=False),
            ask(owner, 3, "a", is_final=False),
        ]
        await asyncio.sleep(0)
        model.let_go()
        assert await texts(*waiting) == ["0", None, "2", "3"]
    assert model.batches == [[0], [2, 3]]


async def test_a_bad_partial_is_not_tried_again_but_a_bad_final_beside_it_is() -> None:
    def script(call: Call) -> list[Hypothesis]:
        full = call.windows[0].frames == 3000
        return [heard(str(label), ended=full or not label) for label in call.labels]

    model = ScriptedModel(script=script)
    async with opened(model) as owner:
        waiting = [await busy(owner, model), ask(owner, 1, is_final=False), ask(owner, 2)]
        await asyncio.sleep(0)
        model.let_go()
        found = await asyncio.gather(*waiting)
    assert [hypothesis.ended for hypothesis in found if hypothesis] == [True, False, True]
    assert model.batches == [[0], [2, 1], [2]]


# -- who does not wait any more


async def test_a_job_whose_waiter_was_cancelled_never_reaches_the_model() -> None:
    model = ScriptedModel()
    async with opened(model) as owner:
        waiting = [await busy(owner, model), *(ask(owner, n) for n in (1, 2, 3))]
        await asyncio.sleep(0)
        waiting[2].cancel()
        await asyncio.wait([waiting[2]])
        model.let_go()
        assert await texts(waiting[0], waiting[1], waiting[3]) == ["0", "1", "3"]
    assert model.batches == [[0], [1, 3]]


async def test_a_job_past_its_deadline_raises_and_never_reaches_the_model() -> None:
    before = metric("jobs_total", kind="final", outcome="timeout")
    model = ScriptedModel()
    async with opened(model) as owner:
        first = await busy(owner, model)
        with pytest.raises(EngineTimeout, match=r"longer than 0\.02 s"):
            await ask(owner, 1, timeout_s=0.02)
        model.let_go()
        assert await texts(first, ask(owner, 2)) == ["0", "2"]
    assert model.batches == [[0], [2]]
    assert metric("jobs_total", kind="final", outcome="timeout") - before == 1


async def test_a_job_past_its_deadline_in_the_model_raises_and_the_others_are_answered() -> None:
    model = ScriptedModel()
    async with opened(model) as owner:
        model.hold()
        late = ask(owner, 1, timeout_s=0.05)
        patient = ask(owner, 2)
        await model.begun()
        with pytest.raises(EngineTimeout):
            await late
        model.let_go()
        assert await texts(patient) == ["2"]
        assert owner.healthy


async def test_who_left_is_not_decoded_again_with_the_halves_of_a_batch() -> None:
    loop = asyncio.get_running_loop()
    waiting: list[Waiting] = []

    def script(call: Call) -> list[Hypothesis]:
        if len(call.windows) > 2:
            loop.call_soon_threadsafe(waiting[2].cancel)
            raise MemoryError
        return says_labels(call)

    model = ScriptedModel(script=script)
    async with opened(model) as owner:
        waiting += [await busy(owner, model), *(ask(owner, n) for n in range(1, 5))]
        await asyncio.sleep(0)
        model.let_go()
        assert await texts(*waiting[:2], *waiting[3:]) == ["0", "1", "3", "4"]
    assert model.batches == [[0], [1, 2, 3, 4], [1], [3, 4]]


async def test_forgetting_a_session_answers_what_waits_and_leaves_what_runs() -> None:
    model = ScriptedModel()
    async with opened(model) as owner:
        running = await busy(owner, model)
        gone, stays = ask(owner, 1, "a"), ask(owner, 2, "b")
        await asyncio.sleep(0)
        owner.forget("a")
        owner.forget("session 0")
        assert await gone is None
        model.let_go()
        assert await texts(running, stays) == ["0", "2"]
    assert model.batches == [[0], [2]]


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


# -- pressure


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


async def test_under_pressure_bad_finals_are_not_tried_again() -> None:
    model = ScriptedModel(script=lambda call: [heard("x", ended=False) for _ in call.windows])
    async with opened(model, clock=ScriptedClock()) as owner:
        await ask(owner, 1)
        assert len(model.calls) == 4
        owner.pressure.note(2.0)
        await ask(owner, 1)
        assert len(model.calls) == 5


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


# -- beginning and end


async def test_closing_fails_what_waits_and_what_runs() -> None:
    model = ScriptedModel()
    async with opened(model) as owner:
        waiting = [await busy(owner, model), ask(owner, 1), ask(owner, 2, is_final=False)]
        await asyncio.sleep(0)
        async with asyncio.timeout(2):
            await owner.close()
            found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(one) for one in found] == ["whisper is closed"] * 3
        assert all(isinstance(one, EngineUnavailable) for one in found)
        assert not owner.healthy
        with pytest.raises(EngineUnavailable, match="closed"):
            await ask(owner, 3)
        await owner.close()
    assert model.batches == [[0]]


async def test_closing_while_it_waits_for_more_jobs_fails_the_job_in_hand() -> None:
    async with opened(ScriptedModel(), clock=ScriptedClock()) as owner:
        for _ in range(20):
            owner.pressure.note(3.0)
        waiting = ask(owner, 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await owner.close()
        with pytest.raises(EngineUnavailable, match="closed"):
            await waiting


async def test_closing_while_models_load_leaves_nothing_running() -> None:
    model = ScriptedModel()

    def load() -> Sequence[ScriptedModel]:
        model.decode([window(0)])
        return [model]

    owner = Owner(load, max_batch=8)
    model.hold()
    opening = asyncio.create_task(owner.open())
    await model.begun()
    await owner.close()
    model.let_go()
    with pytest.raises(EngineUnavailable, match="closed"):
        await opening
    assert not owner.healthy
    assert not [task for task in asyncio.all_tasks() if "whisper" in task.get_name()]


async def test_an_error_in_loading_reaches_the_one_who_opens() -> None:
    def load() -> Sequence[ScriptedModel]:
        raise EngineUnavailable("no model here")

    owner = Owner(load, max_batch=8)
    with pytest.raises(EngineUnavailable, match="no model here"):
        await owner.open()
    assert not owner.healthy
    await owner.close()


async def test_a_model_that_fails_while_it_warms_up_is_unavailable() -> None:
    model = ScriptedModel(script=raises(RuntimeError("invalid weights")))
    async with opened(model) as owner:
        with pytest.raises(EngineUnavailable, match="whisper failed: invalid weights"):
            await owner.run_alone([silence_of(1.0, short=True)], model)


async def test_under_pressure_finals_get_short_windows_and_then_a_smaller_model() -> None:
    clock = ScriptedClock()
    big, small = ScriptedModel("big", 300), ScriptedModel("small", 200)
    async with opened(big, small, clock=clock) as owner:
        await ask(owner, 1, model="big", frames=FULL_FRAMES)
        _press(owner, 2)
        await ask(owner, 2, model="big", frames=FULL_FRAMES)
        assert not owner.stand_ins
        _press(owner, 3)
        await ask(owner, 3, model="big", frames=FULL_FRAMES)
        assert owner.stand_ins == {"big": "small"}
        clock.now_s += 60
        await ask(owner, 4, model="big", frames=FULL_FRAMES)
        assert not owner.stand_ins
    assert [call.windows[0].frames for call in big.calls] == [FULL_FRAMES, 300, FULL_FRAMES]
    assert (small.batches, small.calls[0].windows[0].frames) == ([[3]], 300)


def _press(owner: ScriptedOwner, level: int) -> None:
    late_s = (0.3, 0.6, 1.3, 2.5)[level - 1]  # a little more than the step needs
    while owner.pressure.level < level:
        owner.pressure.note(late_s)
