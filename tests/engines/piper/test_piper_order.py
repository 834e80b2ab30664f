"""Whose window comes next, and what a listener is in need of; no model, no threads."""

import numpy as np

from tests.engines.piper.say import job
from voice_agent.engines.base import Priority
from voice_agent.engines.piper.fair_scheduler import FairScheduler
from voice_agent.engines.piper.rendering import Piece
from voice_agent.engines.piper.synthesis_job import Passage, SynthesisJob

RATE_HZ = 1000


class ScriptedRendering:
    """A clause of which nothing is computed."""

    over = False

    def step(self) -> list[Piece]:
        raise AssertionError


def speech(now_s: float, priority: Priority = Priority.INTERACTIVE) -> SynthesisJob:
    made = SynthesisJob(job("Hello.", priority=priority), RATE_HZ, now_s)
    made.add(Passage(ScriptedRendering(), 0))  # pyright: ignore[reportArgumentType]  scripted
    return made


def make(of: SynthesisJob, seconds: float, now_s: float) -> None:
    assert of.passage is not None
    samples = np.zeros(round(seconds * RATE_HZ), np.float32)
    of.made(of.passage, [Piece(samples=samples, text_start=0, text_end=1)], now_s)


def order(*speeches: SynthesisJob, ahead_s: float = 2.0) -> FairScheduler:
    made = FairScheduler(max_speeches=10, ahead_s=ahead_s)
    assert all(made.admit(each) for each in speeches)
    return made


def test_first_windows_go_before_others() -> None:
    begun, new = speech(0.0), speech(1.0)
    make(begun, 1.5, 0.1)  # can be heard until 1.6
    assert order(begun, new).next() is new


def test_nobody_who_has_heard_the_end_waits_for_a_newer_one() -> None:
    late, new = speech(0.0), speech(1.0)
    make(late, 0.5, 0.1)  # silent since 0.6
    assert order(late, new).next() is late


def test_the_one_whose_audio_ends_first_is_next() -> None:
    one, other = speech(0.0), speech(0.0)
    make(one, 0.9, 0.1)
    make(other, 0.4, 0.2)
    assert order(one, other).next() is other
    make(other, 0.5, 0.3)
    assert order(one, other).next() is one


def test_of_two_who_wait_the_first_that_came_is_next() -> None:
    first, second = speech(0.0), speech(0.1)
    assert order(second, first).next() is first


def test_interactive_goes_before_batch_however_late_that_is() -> None:
    batch, interactive = speech(0.0, Priority.BATCH), speech(50.0)
    make(interactive, 1.9, 50.0)
    assert order(batch, interactive).next() is interactive


def test_batch_goes_when_nobody_else_needs_anything() -> None:
    batch, interactive = speech(0.0, Priority.BATCH), speech(1.0)
    make(interactive, 2.0, 1.0)  # as far ahead as it may be
    assert order(batch, interactive).next() is batch


def test_a_speech_waits_for_its_reader_and_no_longer() -> None:
    one = speech(0.0)
    queue = order(one)
    make(one, 2.0, 0.0)
    assert queue.next() is None
    one.waiting_s -= 0.1
    assert queue.next() is one


def test_one_speech_is_in_one_thread() -> None:
    one, other = speech(0.0), speech(0.1)
    queue = order(one, other)
    one.busy = True
    assert queue.next() is other
    other.busy = True
    assert queue.next() is None


def test_sixteen_who_speak_at_once_take_turns() -> None:
    speeches = [speech(number / 100) for number in range(16)]
    queue, now_s, made = order(*speeches[:10]), 1.0, list[SynthesisJob]()
    for _ in range(30):
        chosen = queue.next()
        assert chosen is not None
        make(chosen, 0.3, now_s)
        made.append(chosen)
        now_s += 0.01
    for start in (0, 10, 20):
        assert len(set(map(id, made[start : start + 10]))) == 10


def test_when_it_is_full_nobody_else_is_let_in() -> None:
    queue = FairScheduler(max_speeches=1, ahead_s=1)
    one, other = speech(0.0), speech(0.0)
    assert queue.admit(one)
    assert not queue.admit(other)
    queue.remove(one)
    queue.remove(one)
    assert queue.admit(other)


def test_a_speech_that_ended_takes_nothing_more() -> None:
    one = speech(0.0)
    passage = one.passage
    assert passage is not None
    one.end()
    one.made(passage, [Piece(samples=np.zeros(9, np.float32), text_start=0, text_end=1)], 1.0)
    assert one.waiting_s == 0
    assert order(one).next() is None
