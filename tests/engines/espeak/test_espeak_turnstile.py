"""Whose clause is next, from values alone."""

import numpy as np

from voice_agent.engines.base import Priority, SpeakJob, SpokenChunk
from voice_agent.engines.clauses import clauses
from voice_agent.engines.espeak.fair_scheduler import FairScheduler
from voice_agent.engines.espeak.synthesis_job import SynthesisJob
from voice_agent.errors import EngineUnavailable

BATCH, INTERACTIVE = Priority.BATCH, Priority.INTERACTIVE


def speech(
    number: int, session_id: str, priority: Priority = INTERACTIVE, n: int = 3
) -> SynthesisJob:
    job = SpeakJob(session_id=session_id, text="Speak it. " * n, priority=priority)
    return SynthesisJob(number, job, "gmw/en-US", 130, clauses(job.text))


def order(turnstile: FairScheduler, n: int) -> list[int]:
    numbers: list[int] = []
    for _ in range(n):
        due = turnstile.next()
        if due is None:
            break
        due.next_clause()
        numbers.append(due.number)
    return numbers


def audio(n_samples: int) -> SpokenChunk:
    return SpokenChunk(samples=np.zeros(n_samples, np.float32), text_start=0, text_end=1)


def test_sessions_take_turns() -> None:
    turnstile = FairScheduler(max_jobs=9, ahead_samples=10)
    for number, session_id in enumerate(("a", "b", "c")):
        turnstile.admit(speech(number, session_id))
    assert order(turnstile, 9) == [0, 1, 2, 0, 1, 2, 0, 1, 2]


def test_many_jobs_do_not_give_a_session_more_turns() -> None:
    turnstile = FairScheduler(max_jobs=9, ahead_samples=10)
    for number in range(3):
        turnstile.admit(speech(number, "greedy"))
    turnstile.admit(speech(3, "modest"))
    assert order(turnstile, 6) == [0, 3, 0, 3, 0, 3]


def test_an_interactive_job_goes_before_what_is_left_of_a_batch_job() -> None:
    turnstile = FairScheduler(max_jobs=9, ahead_samples=10)
    turnstile.admit(speech(0, "batch", BATCH))
    assert order(turnstile, 1) == [0]
    turnstile.admit(speech(1, "caller"))
    assert order(turnstile, 9) == [1, 1, 1, 0, 0]


def test_a_speech_whose_reader_is_behind_is_passed_over() -> None:
    turnstile = FairScheduler(max_jobs=9, ahead_samples=10)
    slow, quick = speech(0, "slow"), speech(1, "quick", BATCH)
    turnstile.admit(slow)
    turnstile.admit(quick)
    slow.put(audio(10))
    assert order(turnstile, 9) == [1, 1, 1]


async def test_reading_makes_it_due_again() -> None:
    turnstile = FairScheduler(max_jobs=9, ahead_samples=10)
    slow = speech(0, "slow")
    turnstile.admit(slow)
    slow.put(audio(10))
    assert turnstile.next() is None
    assert await slow.read() is not None
    assert turnstile.next() is slow


def test_a_full_turnstile_admits_nobody_until_one_leaves() -> None:
    turnstile = FairScheduler(max_jobs=1, ahead_samples=10)
    first = speech(0, "a")
    assert turnstile.admit(first)
    assert not turnstile.admit(speech(1, "b"))
    turnstile.remove(first)
    turnstile.remove(first)
    assert turnstile.admit(speech(2, "b"))
    assert len(turnstile) == 1


def test_a_clause_that_killed_a_worker_is_tried_on_one_more() -> None:
    once = speech(0, "a")
    clause = once.next_clause()
    assert once.put_back(clause)
    assert not once.begun
    assert once.next_clause() == clause
    assert not once.put_back(clause)


def test_a_clause_that_was_heard_is_not_tried_again() -> None:
    heard = speech(0, "a")
    clause = heard.next_clause()
    heard.put(audio(1))
    assert not heard.put_back(clause)


def test_nothing_is_kept_for_a_speech_that_ended_with_an_error() -> None:
    failed = speech(0, "a")
    failed.put(audio(5))
    failed.end(EngineUnavailable("gone"))
    failed.put(audio(5))
    assert failed.waiting_samples == 0
    assert not failed.has_clauses
