import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.turns.segmenter import SegmentEnded, SegmentStarted
from voice_agent.turns.turn import (
    EndedBy,
    TurnDetection,
    TurnEnded,
    TurnEvent,
    TurnRules,
    TurnTracker,
)

SPEECH, SILENCE = 0.9, 0.1
WINDOW = 512
HZ = 16_000


def tracker(
    detection: TurnDetection = TurnDetection.SMART_TURN,
    *,
    silence_ms: int = 1600,
    max_turn_s: float = 25.0,
) -> TurnTracker:
    return TurnTracker(TurnRules(detection=detection, silence_ms=silence_ms, max_turn_s=max_turn_s))


def feed(turn: TurnTracker, probability: float, seconds: float) -> Iterator[TurnEvent]:
    for _ in range(round(seconds * HZ / WINDOW)):
        yield from turn.feed(probability)


def ends(events: list[TurnEvent]) -> list[TurnEnded]:
    return [event for event in events if isinstance(event, TurnEnded)]


def test_a_wait_that_is_over_ends_the_turn_at_the_end_of_its_speech() -> None:
    turn = tracker()
    events = [*feed(turn, SPEECH, 1.024), *feed(turn, SILENCE, 0.192)]
    assert events == [SegmentStarted(0), SegmentEnded(16_384)]
    assert turn.wants_verdict
    turn.end_after(150, end_sample=16_384)
    assert list(turn.end_if_due()) == [
        TurnEnded(start_sample=0, end_sample=16_384, ended_by=EndedBy.SMART_TURN)
    ]
    assert not turn.open


def test_a_turn_that_is_not_to_end_yet_stays_open_for_more_segments() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.5))
    turn.end_after(900, end_sample=16_384)
    assert list(turn.end_if_due()) == []
    events = [*feed(turn, SPEECH, 1.0), *feed(turn, SILENCE, 1.2)]
    assert [type(e) for e in events] == [SegmentStarted, SegmentEnded]
    turn.end_after(900, end_sample=events[-1].at_sample)  # pyright: ignore[reportAttributeAccessIssue]
    (end,) = turn.end_if_due()
    assert isinstance(end, TurnEnded)
    assert end.start_sample == 0


@pytest.mark.parametrize("wait_ms", [None, 1000, 5000])
def test_silence_ends_a_turn_that_is_to_wait_longer(wait_ms: float | None) -> None:
    turn = tracker(silence_ms=1000)
    events = [*feed(turn, SPEECH, 1.024), *feed(turn, SILENCE, 0.9)]
    if wait_ms is not None:
        turn.end_after(wait_ms, end_sample=16_384)
    assert ends(events) == []
    (end,) = ends([*feed(turn, SILENCE, 0.2)])
    assert (end.end_sample, end.ended_by) == (16_384, EndedBy.SILENCE)


def test_silence_detection_asks_no_judge() -> None:
    assert not tracker(TurnDetection.SILENCE).wants_verdict


def test_without_detection_neither_judge_nor_silence_ends_a_turn() -> None:
    turn = tracker(TurnDetection.NONE)
    events = [*feed(turn, SPEECH, 1.0), *feed(turn, SILENCE, 20.0)]
    assert ends(events) == []
    assert not turn.wants_verdict
    (end,) = ends([*turn.finish(EndedBy.CLIENT)])
    assert end.ended_by is EndedBy.CLIENT


def test_rules_apply_from_the_next_window() -> None:
    turn = tracker(TurnDetection.NONE)
    list(feed(turn, SPEECH, 1.0))
    list(feed(turn, SILENCE, 3.0))
    turn.change(detection=TurnDetection.SILENCE)
    assert len(ends([*feed(turn, SILENCE, 0.05)])) == 1


def test_a_long_turn_is_cut_at_its_quietest_spot_and_goes_on() -> None:
    turn = tracker(max_turn_s=6)
    events = [*feed(turn, SPEECH, 4.0), *feed(turn, 0.72, 0.096), *feed(turn, SPEECH, 2.0)]
    (cut,) = ends(events)
    assert (cut.ended_by, cut.complete) == (EndedBy.LENGTH, False)
    assert 4.0 * HZ <= cut.end_sample <= 4.096 * HZ
    assert turn.turn_start == cut.end_sample
    (rest,) = ends([*turn.finish(EndedBy.CLIENT)])
    assert rest.complete
    assert rest.start_sample == cut.end_sample


def test_silence_after_a_cut_is_not_cut_again() -> None:
    turn = tracker(TurnDetection.NONE, max_turn_s=6)
    events = [*feed(turn, SPEECH, 1.0), *feed(turn, SILENCE, 60.0)]
    assert len(ends(events)) == 1


def test_what_follows_a_long_silence_after_a_cut_begins_with_its_speech() -> None:
    turn = tracker(TurnDetection.NONE, max_turn_s=6)
    list(feed(turn, SPEECH, 1.0))
    list(feed(turn, SILENCE, 60.0))
    events = [*feed(turn, SPEECH, 2.0)]
    assert ends(events) == []
    start = next(e for e in events if isinstance(e, SegmentStarted))
    assert turn.turn_start == start.at_sample


def test_finishing_ends_the_segment_and_then_the_turn() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    assert list(turn.finish(EndedBy.CLIENT)) == [
        SegmentEnded(16_384),
        TurnEnded(start_sample=0, end_sample=16_384, ended_by=EndedBy.CLIENT),
    ]


def test_finishing_without_a_turn_says_nothing() -> None:
    turn = tracker()
    list(feed(turn, SILENCE, 1.0))
    assert list(turn.finish(EndedBy.CLIENT)) == []


def test_closing_the_segment_leaves_the_turn_open() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    assert list(turn.close_segment()) == [SegmentEnded(16_384)]
    assert turn.open


@given(
    st.lists(
        st.tuples(st.sampled_from([SPEECH, SILENCE, 0.71]), st.floats(0.04, 8), st.floats(0, 3000)),
        max_size=15,
    ),
    st.sampled_from(list(TurnDetection)),
)
def test_every_turn_ends_once_and_its_parts_follow_one_another(
    runs: list[tuple[float, float, float]], detection: TurnDetection
) -> None:
    turn = tracker(detection, max_turn_s=6)
    events: list[TurnEvent] = []
    for probability, seconds, wait_ms in runs:
        for event in feed(turn, probability, seconds):
            events.append(event)
            if isinstance(event, SegmentEnded):
                turn.end_after(wait_ms, end_sample=event.at_sample)
    events += turn.finish(EndedBy.CLIENT)
    assert not turn.open
    last_end = 0
    for end in ends(events):
        assert last_end <= end.start_sample <= end.end_sample
        assert end.end_sample - end.start_sample <= 6 * HZ + WINDOW
        last_end = end.end_sample
    n_open = 0
    for event in events:
        n_open += isinstance(event, SegmentStarted) - isinstance(event, SegmentEnded)
        assert n_open in (0, 1)


@pytest.mark.parametrize("wait_ms", [200, 320, 640, 1000])
def test_a_turn_ends_with_the_window_in_which_its_wait_is_over(wait_ms: float) -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.192))
    turn.end_after(wait_ms, end_sample=16_384)
    n_windows = 6
    while not (found := ends(list(turn.feed(SILENCE)))):
        n_windows += 1
    assert found[0].ended_by is EndedBy.SMART_TURN
    assert n_windows + 1 == math.ceil(wait_ms / 32)


def test_more_that_is_known_of_a_pause_changes_the_wait() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.192))
    turn.end_after(400, end_sample=16_384)
    turn.end_after(1200, end_sample=16_384)
    assert ends(list(feed(turn, SILENCE, 0.9))) == []
    turn.end_after(500, end_sample=16_384)
    assert [end.ended_by for end in turn.end_if_due() if isinstance(end, TurnEnded)] == [
        EndedBy.SMART_TURN
    ]


def test_speech_makes_it_forget_how_long_to_wait() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.224))
    turn.end_after(600, end_sample=16_384)
    events = [*feed(turn, SPEECH, 1.0), *feed(turn, SILENCE, 1.5)]
    assert ends(events) == []


def test_a_turn_does_not_end_by_a_wait_while_speech_seems_to_begin() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.576))
    turn.end_after(600, end_sample=16_384)
    events = [*feed(turn, SPEECH, 0.096), *feed(turn, SILENCE, 0.032)]
    (end,) = ends(events)
    assert list(feed(tracker(), SPEECH, 0.096)) == []
    assert end.ended_by is EndedBy.SMART_TURN


def test_what_is_known_of_another_pause_changes_nothing() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.224))
    turn.end_after(300, end_sample=9_999)
    assert ends(list(feed(turn, SILENCE, 1.0))) == []


def test_with_silence_alone_a_wait_means_nothing() -> None:
    turn = tracker(TurnDetection.SILENCE)
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.224))
    turn.end_after(300, end_sample=16_384)
    assert ends(list(feed(turn, SILENCE, 1.0))) == []
