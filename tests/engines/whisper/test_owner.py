"""The owner over a scripted model: what runs together, and who does not wait any more."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.engines.whisper.owning import Waiting, ask, busy, metric, opened, raises, texts
from tests.engines.whisper.scripted_model import (
    Call,
    ScriptedClock,
    ScriptedModel,
    heard,
    says_labels,
    window,
)
from voice_agent.engines.whisper.batch_loop import BatchLoop
from voice_agent.engines.whisper.decode_job import silence_of
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.window import FULL
from voice_agent.errors import EngineTimeout, EngineUnavailable

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

    owner = BatchLoop(load, max_batch=8)
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

    owner = BatchLoop(load, max_batch=8)
    with pytest.raises(EngineUnavailable, match="no model here"):
        await owner.open()
    assert not owner.healthy
    await owner.close()


async def test_a_model_that_fails_while_it_warms_up_is_unavailable() -> None:
    model = ScriptedModel(script=raises(RuntimeError("invalid weights")))
    async with opened(model) as owner:
        with pytest.raises(EngineUnavailable, match="whisper failed: invalid weights"):
            await owner.run_alone([silence_of(1.0, FULL)], model)
