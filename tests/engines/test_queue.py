import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.engines.base import Priority, RecognizeJob
from voice_agent.engines.queue import EngineQueue, Entry, JobQueue
from voice_agent.errors import EngineTimeout, EngineUnavailable

FINAL, INTERACTIVE, PARTIAL, BATCH = Priority


@pytest.fixture
async def loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def entry(
    loop: asyncio.AbstractEventLoop,
    job: object,
    session_id: str = "a",
    priority: Priority = FINAL,
    deadline_s: float = 10.0,
    order: int = 0,
) -> Entry[object, str]:
    return Entry(
        job=job,
        session_id=session_id,
        priority=priority,
        deadline_s=deadline_s,
        queued_s=0.0,
        order=order,
        result=loop.create_future(),
    )


async def test_finals_go_first_and_batch_jobs_last(loop: asyncio.AbstractEventLoop) -> None:
    queue = JobQueue[object, str](9)
    for priority in (BATCH, PARTIAL, INTERACTIVE, FINAL):
        queue.push(entry(loop, priority, priority=priority))
    taken = [queue.pop(0.0) for _ in range(4)]
    assert [e.job for e in taken if e] == [FINAL, INTERACTIVE, PARTIAL, BATCH]
    assert queue.pop(0.0) is None


async def test_the_oldest_deadline_goes_first_and_then_who_came_first(
    loop: asyncio.AbstractEventLoop,
) -> None:
    queue = JobQueue[object, str](9)
    queue.push(entry(loop, "late", deadline_s=9, order=1))
    queue.push(entry(loop, "second", deadline_s=5, order=3))
    queue.push(entry(loop, "first", deadline_s=5, order=2))
    assert [e.job for _ in range(3) if (e := queue.pop(0.0))] == ["first", "second", "late"]


async def test_a_newer_partial_of_a_session_replaces_the_waiting_one(
    loop: asyncio.AbstractEventLoop,
) -> None:
    queue = JobQueue[object, str](2)
    old = entry(loop, "old", priority=PARTIAL)
    queue.push(old)
    queue.push(entry(loop, "other session", "b", priority=PARTIAL))
    # also when the queue is full
    assert queue.push(entry(loop, "new", priority=PARTIAL)) is old
    assert len(queue) == 2


async def test_a_full_queue_refuses(loop: asyncio.AbstractEventLoop) -> None:
    queue = JobQueue[object, str](1)
    queue.push(entry(loop, 1))
    with pytest.raises(EngineUnavailable) as refused:
        queue.push(entry(loop, 2))
    assert refused.value.retry_after_ms


async def test_a_job_that_would_be_done_too_late_is_not_begun(
    loop: asyncio.AbstractEventLoop,
) -> None:
    queue = JobQueue[object, str](9)
    for order, deadline_s in enumerate((10.0, 11.0)):
        queue.push(entry(loop, deadline_s, deadline_s=deadline_s, order=order))
    taken = queue.pop(9.5, run_s=1.0)
    assert taken is not None
    assert taken.job == 11.0
    assert len(queue) == 0


async def test_however_long_jobs_run_one_that_is_fresh_is_begun(
    loop: asyncio.AbstractEventLoop,
) -> None:
    queue = JobQueue[object, str](9)
    queue.push(entry(loop, "fresh", deadline_s=10.0))
    assert queue.pop(4.0, run_s=60.0) is not None


async def test_jobs_past_their_deadline_or_without_a_waiter_are_dropped(
    loop: asyncio.AbstractEventLoop,
) -> None:
    queue = JobQueue[object, str](9)
    gone = entry(loop, "gone")
    gone.result.cancel()
    queue.push(gone)
    queue.push(entry(loop, "late", deadline_s=1.0))
    queue.push(entry(loop, "good", deadline_s=3.0))
    taken = queue.pop(2.0)
    assert taken is not None
    assert taken.job == "good"
    assert len(queue) == 0


async def test_only_accepted_jobs_are_taken(loop: asyncio.AbstractEventLoop) -> None:
    queue = JobQueue[object, str](9)
    queue.push(entry(loop, 1))
    assert queue.pop(0.0, lambda job: job != 1) is None
    assert len(queue) == 1


async def test_jobs_that_hold_equal_arrays_are_told_apart(
    loop: asyncio.AbstractEventLoop,
) -> None:
    queue = JobQueue[RecognizeJob, str](9)
    jobs = [
        RecognizeJob(session_id="a", turn_id=1, samples=np.zeros(n, np.float32)) for n in (3, 4, 4)
    ]
    entries: list[Entry[RecognizeJob, str]] = [
        Entry(
            job=job,
            session_id="a",
            priority=FINAL,
            deadline_s=9,
            queued_s=0,
            order=0,
            result=loop.create_future(),
        )
        for job in jobs
    ]
    for one in entries:
        queue.push(one)
    queue.remove(entries[2])
    queue.remove(entries[2])
    assert queue.drop("a") == entries[:2]


_JOBS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(list(Priority)),
        st.integers(0, 5),
        st.sampled_from(["push", "push", "pop", "drop"]),
    ),
    max_size=40,
)


@given(_JOBS)
def test_whatever_comes_the_order_and_the_bounds_hold(
    steps: list[tuple[str, Priority, int, str]],
) -> None:
    loop = asyncio.new_event_loop()
    queue = JobQueue[object, str](5)
    model: list[Entry[object, str]] = []
    for order, (session_id, priority, deadline_s, step) in enumerate(steps):
        match step:
            case "push":
                new = entry(loop, order, session_id, priority, deadline_s + 1, order)
                old = [e for e in model if priority is PARTIAL and _same_partial(e, new)]
                if len(model) - len(old) >= 5:
                    with pytest.raises(EngineUnavailable):
                        queue.push(new)
                    continue
                assert queue.push(new) is (old[0] if old else None)
                model = [e for e in model if e not in old] + [new]
            case "pop":
                model.sort(key=lambda e: (e.priority, e.deadline_s, e.order))
                assert queue.pop(0.0) is (model.pop(0) if model else None)
            case _:
                assert set(queue.drop(session_id)) == {
                    e for e in model if e.session_id == session_id
                }
                model = [e for e in model if e.session_id != session_id]
        assert len(queue) == len(model) <= 5
    loop.close()


def _same_partial(old: Entry[object, str], new: Entry[object, str]) -> bool:
    return old.priority is PARTIAL and old.session_id == new.session_id


def submit(
    desk: EngineQueue[str, str],
    job: str,
    priority: Priority = FINAL,
    *,
    session_id: str = "a",
    timeout_s: float = 10.0,
) -> "asyncio.Task[str | None]":
    return asyncio.create_task(
        desk.submit(job, session_id=session_id, priority=priority, timeout_s=timeout_s)
    )


async def test_a_job_gets_the_answer_of_the_one_who_took_it() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    waiting = submit(desk, "question")
    taken = await desk.take()
    assert taken.job == "question"
    desk.finish(taken, "answer")
    assert await waiting == "answer"


async def test_cancelling_the_waiter_takes_the_job_out_of_the_queue() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    waiting = submit(desk, "question")
    await asyncio.sleep(0)
    assert len(desk) == 1
    waiting.cancel()
    await asyncio.wait([waiting])
    assert len(desk) == 0
    assert desk.take_now() is None


async def test_an_answer_for_a_waiter_that_left_is_dropped() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    waiting = submit(desk, "question")
    taken = await desk.take()
    waiting.cancel()
    await asyncio.wait([waiting])
    desk.finish(taken, "answer")
    desk.fail(taken, RuntimeError("not heard"))


async def test_a_job_that_nobody_takes_in_time_raises_and_leaves() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    with pytest.raises(EngineTimeout, match="test took longer"):
        await submit(desk, "question", timeout_s=0.01)
    assert len(desk) == 0


async def test_a_replaced_partial_gets_none() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    old = submit(desk, "old", PARTIAL)
    new = submit(desk, "new", PARTIAL)
    assert await old is None
    taken = await desk.take()
    assert taken.job == "new"
    desk.finish(taken, "heard")
    assert await new == "heard"


async def test_forgetting_a_session_answers_its_waiters_and_no_others() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    gone = submit(desk, "gone", session_id="a")
    stays = submit(desk, "stays", session_id="b")
    await asyncio.sleep(0)
    desk.forget("a")
    assert await gone is None
    desk.finish(await desk.take(), "done")
    assert await stays == "done"


async def test_an_error_reaches_the_waiter() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    waiting = submit(desk, "question")
    desk.fail(await desk.take(), EngineUnavailable("broken"))
    with pytest.raises(EngineUnavailable, match="broken"):
        await waiting


async def test_closing_fails_what_waits_and_refuses_what_comes() -> None:
    desk = EngineQueue[str, str]("test", max_jobs=4)
    waiting = submit(desk, "question")
    await asyncio.sleep(0)
    desk.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        await waiting
    with pytest.raises(EngineUnavailable, match="closed"):
        await submit(desk, "late")
