"""Who speaks when, on a model that computes nothing."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from tests.engines.chatterbox.scripted_model import ScriptedModel, token_of
from voice_agent.engines.chatterbox.guards import EndGuard
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.spec import SAMPLES_PER_TOKEN
from voice_agent.engines.chatterbox.utterance import (
    AllDrawn,
    Audio,
    Event,
    Lead,
    Refused,
    Request,
    Utterance,
)


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def request(number: int, **changed: Any) -> Request:
    """Of a reader who takes all audio at once, unless `ahead` says otherwise."""
    changed.setdefault("ahead", Lead(heard_s=1e6))
    return Request(number=number, text=[1, 2, 3], voice=None, **changed)


def run(scheduler: Scheduler, limit: int = 10_000) -> list[Event]:
    """Ticks until nothing is left to do."""
    events: list[Event] = []
    for _ in range(limit):
        happened = scheduler.tick()
        if happened is None:
            return events
        events.extend(happened)
    raise AssertionError("it does not come to an end")


def audio_of(events: Iterable[Event], number: int) -> np.ndarray:
    pieces = [e for e in events if isinstance(e, Audio) and e.number == number]
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return np.concatenate([piece.samples for piece in pieces])


def expected_audio(number: int, n_tokens: int = 30) -> np.ndarray:
    tokens = [token_of(number, place) for place in range(n_tokens)]
    return np.repeat(tokens, SAMPLES_PER_TOKEN).astype(np.float32)


@pytest.mark.parametrize("late_steps", [0, 1])
@pytest.mark.parametrize("n_tokens", [1, 3, 9, 13, 14, 30, 60, 61, 75])
def test_an_utterance_comes_whole_and_in_order(n_tokens: int, late_steps: int) -> None:
    model = ScriptedModel(lengths={1: n_tokens}, late_steps=late_steps)
    scheduler = Scheduler(model)
    scheduler.admit(request(1))
    events = run(scheduler)
    assert np.array_equal(audio_of(events, 1), expected_audio(1, n_tokens))
    assert [e.n_tokens for e in events if isinstance(e, AllDrawn)] == [n_tokens]
    assert scheduler.free_slots == model.slots
    assert not scheduler.open_numbers


def test_the_first_audio_comes_after_thirteen_tokens() -> None:
    model = ScriptedModel()
    scheduler = Scheduler(model)
    scheduler.admit(request(1))
    while not any(isinstance(event, Audio) for event in scheduler.tick() or []):
        pass
    assert 13 <= len(model.stepped) <= 13 + model.flow_steps


def test_the_last_audio_says_that_it_is_the_last_and_how_long_all_was() -> None:
    scheduler = Scheduler(ScriptedModel())
    scheduler.admit(request(1))
    last = [event for event in run(scheduler) if isinstance(event, Audio)][-1]
    assert (last.last, last.n_tokens, last.n_drawn) == (True, 30, 30)


def test_an_utterance_without_a_token_ends_without_audio() -> None:
    scheduler = Scheduler(ScriptedModel(lengths={1: 0}))
    scheduler.admit(request(1))
    [ended] = [event for event in run(scheduler) if isinstance(event, Audio)]
    assert ended.last
    assert len(ended.samples) == 0


def test_what_cannot_be_spoken_is_refused_and_leaves_nothing() -> None:
    scheduler = Scheduler(ScriptedModel())
    scheduler.admit(Request(number=1, text=[], voice=None))
    scheduler.admit(request(2))
    events = run(scheduler)
    assert [event.why for event in events if isinstance(event, Refused)] == ["nothing to say"]
    assert np.array_equal(audio_of(events, 2), expected_audio(2))
    assert scheduler.free_slots == 4


def test_more_than_there_are_slots_wait_and_none_is_lost() -> None:
    scheduler = Scheduler(ScriptedModel(slots=3))
    for number in range(20):
        scheduler.admit(request(number))
    events = run(scheduler)
    for number in range(20):
        assert np.array_equal(audio_of(events, number), expected_audio(number))


def test_a_cancelled_utterance_frees_its_slot_within_a_tick() -> None:
    scheduler = Scheduler(ScriptedModel(slots=1))
    scheduler.admit(request(1))
    for _ in range(5):
        scheduler.tick()
    scheduler.admit(request(2))
    scheduler.cancel(1)
    assert scheduler.free_slots == 1
    scheduler.tick()
    assert scheduler.free_slots == 0
    assert np.array_equal(audio_of(run(scheduler), 2), expected_audio(2))


def test_nothing_of_a_cancelled_utterance_comes_any_more() -> None:
    scheduler = Scheduler(ScriptedModel())
    scheduler.admit(request(1))
    while not scheduler.counts.batches:
        scheduler.tick()
    scheduler.cancel(1)  # a window of it is being rendered
    assert run(scheduler) == []


@pytest.mark.parametrize("late_steps", [0, 1])
def test_a_thousand_cancels_leak_no_slot_and_change_no_neighbour(late_steps: int) -> None:
    dice = random.Random(1)
    model = ScriptedModel(slots=4, late_steps=late_steps)
    scheduler = Scheduler(model, max_batch=3)
    events: list[Event] = []
    staying: list[int] = []
    cancelled: set[int] = set()
    number = 0
    while len(cancelled) < 1000:
        number += 1
        model.lengths[number] = dice.choice([1, 5, 13, 30, 40])
        scheduler.admit(request(number))
        if number % 4 == 0:
            staying.append(number)
        for _ in range(dice.randrange(25)):
            events += scheduler.tick() or []
        leaving = [n for n in scheduler.open_numbers if n not in staying]
        if leaving:
            chosen = dice.choice(leaving)
            scheduler.cancel(chosen)
            cancelled.add(chosen)
            n_events = len(events)
            events += scheduler.tick() or []
            assert all(event.number != chosen for event in events[n_events:])
    events += run(scheduler)
    assert scheduler.free_slots == model.slots
    assert not scheduler.open_numbers
    for number in staying:
        assert np.array_equal(
            audio_of(events, number), expected_audio(number, model.lengths[number])
        )


def test_an_utterance_waits_for_a_reader_who_is_three_seconds_behind() -> None:
    model = ScriptedModel(lengths={1: 500, 2: 500})
    scheduler = Scheduler(model, ahead_s=3.0)
    ahead = Lead()
    scheduler.admit(request(1, ahead=ahead, chunk_tokens=25))
    for _ in range(1000):
        scheduler.tick()
    assert ahead.n_tokens == 75
    assert scheduler.tick() is None
    ahead.heard_s = 1.0
    for _ in range(1000):
        scheduler.tick()
    assert ahead.n_tokens == 100


def test_a_waiting_reader_holds_nobody_up() -> None:
    scheduler = Scheduler(ScriptedModel(lengths={1: 500}))
    scheduler.admit(request(1, ahead=Lead()))
    run(scheduler)
    scheduler.admit(request(2))
    assert np.array_equal(audio_of(run(scheduler), 2), expected_audio(2))


def test_first_windows_are_rendered_before_others_go_on() -> None:
    clock = Clock()
    model = ScriptedModel(lengths={1: 200}, flow_steps=50)
    scheduler = Scheduler(model, clock=clock)
    ahead = Lead(heard_s=100.0)
    scheduler.admit(request(1, ahead=ahead))
    while scheduler.counts.batches < 2:  # its second window is being rendered
        scheduler.tick()
    scheduler.admit(request(2))
    while not any(begun == ([2], True) for begun in model.begun):
        scheduler.tick()
    order: list[int] = []
    while len(order) < 2:
        order += [e.number for e in scheduler.tick() or [] if isinstance(e, Audio)]
    assert order == [2, 1]


def test_who_runs_out_of_audio_first_is_rendered_first() -> None:
    def spoke(at_s: float, n_sent_frames: int) -> Utterance:
        return Utterance(
            request=request(1),
            came_s=0.0,
            vocoder=None,
            guard=EndGuard(100),
            spoke_s=at_s,
            n_sent_frames=n_sent_frames,
        )

    assert spoke(1.0, 50).deadline_s() == pytest.approx(2.0)
    assert spoke(1.5, 10).deadline_s() < spoke(1.0, 50).deadline_s()
    model = ScriptedModel(lengths=dict.fromkeys(range(3), 200))
    clock = Clock()
    scheduler = Scheduler(model, max_batch=1, clock=clock)
    for number in range(3):
        scheduler.admit(request(number))
        for _ in range(20):
            scheduler.tick()
            clock.now_s += 0.01
    run(scheduler)
    assert [numbers[0] for numbers, first in model.begun if not first][:2] == [0, 1]


@pytest.mark.parametrize("late_steps", [0, 1])
def test_windows_do_not_depend_on_how_busy_it_is(late_steps: int) -> None:
    def pieces(flow_steps: int, neighbours: int) -> list[int]:
        model = ScriptedModel(
            slots=8, lengths={0: 83}, flow_steps=flow_steps, late_steps=late_steps
        )
        scheduler = Scheduler(model)
        for number in range(neighbours + 1):
            scheduler.admit(request(number))
        events = run(scheduler)
        return [len(e.samples) for e in events if isinstance(e, Audio) and e.number == 0]

    assert pieces(1, 0) == pieces(40, 0) == pieces(10, 7)


def test_windows_of_many_share_a_batch() -> None:
    model = ScriptedModel(slots=8)
    scheduler = Scheduler(model, max_joins=8)
    for number in range(8):
        scheduler.admit(request(number))
    run(scheduler)
    assert model.begun[0] == (list(range(8)), True)


def test_a_patient_utterance_joins_after_the_others() -> None:
    model = ScriptedModel(slots=1)
    scheduler = Scheduler(model)
    scheduler.admit(request(1, patient=True))
    scheduler.admit(request(2))
    audio = [event.number for event in run(scheduler) if isinstance(event, Audio) and event.last]
    assert audio == [2, 1]


def test_an_utterance_without_end_is_ended() -> None:
    scheduler = Scheduler(ScriptedModel(lengths={1: 10_000}))
    scheduler.admit(request(1, longest=120, ahead=Lead(heard_s=1e6)))
    [drawn] = [event for event in run(scheduler) if isinstance(event, AllDrawn)]
    assert (drawn.n_tokens, drawn.why) == (120, "length")
