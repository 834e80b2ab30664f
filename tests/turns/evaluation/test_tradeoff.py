"""False cut-offs and latency are counted as eot-bench counts them."""

import numpy as np
import pytest

from voice_agent.turns.evaluation.judged_pauses import JudgedPause
from voice_agent.turns.evaluation.picture import picture
from voice_agent.turns.evaluation.recorded_turns import find_pauses
from voice_agent.turns.evaluation.tradeoff import (
    Pauses,
    Point,
    cut_off_at,
    frontier,
    latency_at,
    silence_alone,
    sweep,
)


def judged(seconds: float, *, final: bool, smart_turn: float = 0.5) -> JudgedPause:
    return JudgedPause(
        id="t", start_s=1.0, seconds=seconds, final=final, group="", language="en", asked="",
        spoken_s=1.0, smart_turn=smart_turn, text="a", confidence=0.9, text_run_s=0.1,
    )  # fmt: skip


PAUSES = Pauses(
    [
        judged(0.3, final=False, smart_turn=0.1),
        judged(1.2, final=False, smart_turn=0.2),
        judged(6.0, final=False),  # the caller was away
        judged(0.0, final=True, smart_turn=0.8),
        judged(0.0, final=True, smart_turn=0.9),
    ]
)


def test_a_policy_is_counted_by_pause_and_by_turn() -> None:
    assert (PAUSES.n_turns, PAUSES.n_inner) == (2, 2)
    point = PAUSES.point(np.array([0.5, 1.0, 0.4, 0.6]))
    assert point.cut_off == 0.5
    assert point.latency_s == pytest.approx(0.5)


def test_firing_when_the_caller_goes_on_is_no_cut_off() -> None:
    assert PAUSES.point(np.array([0.3, 1.2, 0.4, 0.6])).cut_off == 0


def test_silence_alone_pays_for_the_longest_pause() -> None:
    assert latency_at(silence_alone(PAUSES), 0.0) == pytest.approx(1.2)
    assert cut_off_at(silence_alone(PAUSES), 0.3) == 0.5


def test_a_score_that_tells_ends_from_pauses_costs_nothing_and_a_blind_one_does() -> None:
    telling = sweep(PAUSES, lambda pause: pause.smart_turn)
    assert latency_at(telling, 0.0) == pytest.approx(0.2)
    blind = sweep(PAUSES, lambda pause: 0.5)
    assert (latency_at(blind, 0.0) or 9) > 1.0


def test_nothing_is_decided_before_it_is_ready() -> None:
    late = sweep(PAUSES, lambda pause: pause.smart_turn, ready_s=0.4)
    assert min(point.latency_s for point in late) >= 0.4


def test_the_frontier_has_what_no_other_policy_beats() -> None:
    best, worse = Point(cut_off=0.1, latency_s=0.5), Point(cut_off=0.2, latency_s=0.6)
    slow = Point(cut_off=0.0, latency_s=1.0)
    assert frontier([worse, slow, best]) == [best, slow]
    assert cut_off_at([slow], 0.3) is None


def test_the_picture_shows_every_detector() -> None:
    drawn = picture({"ours": silence_alone(PAUSES), "theirs": silence_alone(PAUSES)})
    assert drawn.count("<polyline") == 2
    assert "ours" in drawn
    assert "theirs" in drawn


def test_pauses_are_silences_between_sounds_and_the_one_after_them() -> None:
    sound = [False, True, True, False, True, *[False] * 4, True, False, False]
    found = find_pauses(sound, 0.05)
    assert [(round(p.start_s, 2), round(p.end_s, 2), p.final) for p in found] == [
        (0.25, 0.45, False),
        (0.5, 0.6, True),
    ]
    assert find_pauses([False] * 9, 0.05) == ()
    (only,) = find_pauses(sound, 0.05, shortest_sound_s=0.1)
    assert only.final
