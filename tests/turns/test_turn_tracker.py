from collections.abc import Iterator

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


def test_a_judge_that_agrees_ends_the_turn_at_the_end_of_its_speech() -> None:
    turn = tracker()
    events = [*feed(turn, SPEECH, 1.024), *feed(turn, SILENCE, 0.192)]
    assert events == [SegmentStarted(0), SegmentEnded(16_384)]
    assert turn.wants_verdict
    assert list(turn.verdict(True)) == [
        TurnEnded(start_sample=0, end_sample=16_384, ended_by=EndedBy.SMART_TURN)
    ]
    assert not turn.open


def test_a_judge_that_disagrees_leaves_the_turn_open_for_more_segments() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.0))
    list(feed(turn, SILENCE, 0.5))
    assert list(turn.verdict(False)) == []
    events = [*feed(turn, SPEECH, 1.0), *feed(turn, SILENCE, 0.5)]
    assert [type(e) for e in events] == [SegmentStarted, SegmentEnded]
    (end,) = turn.verdict(True)
    assert isinstance(end, TurnEnded)
    assert end.start_sample == 0


def test_silence_ends_a_turn_that_the_judge_left_open() -> None:
    turn = tracker(silence_ms=1000)
    events = [*feed(turn, SPEECH, 1.024), *feed(turn, SILENCE, 0.9)]
    list(turn.verdict(False))
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
        st.tuples(st.sampled_from([SPEECH, SILENCE, 0.71]), st.floats(0.04, 8), st.booleans()),
        max_size=15,
    ),
    st.sampled_from(list(TurnDetection)),
)
def test_every_turn_ends_once_and_its_parts_follow_one_another(
    runs: list[tuple[float, float, bool]], detection: TurnDetection
) -> None:
    turn = tracker(detection, max_turn_s=6)
    events: list[TurnEvent] = []
    for probability, seconds, verdict in runs:
        for event in feed(turn, probability, seconds):
            events.append(event)
            if isinstance(event, SegmentEnded) and turn.wants_verdict:
                events += turn.verdict(verdict)
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


def test_a_short_answer_ends_after_less_silence() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.224))
    turn.short_answer(16_384)
    list(turn.verdict(False))
    assert ends(list(feed(turn, SILENCE, 0.3))) == []
    (end,) = ends(list(feed(turn, SILENCE, 0.1)))
    assert end.ended_by is EndedBy.SILENCE


def test_a_short_answer_that_goes_on_is_none() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.224))
    turn.short_answer(16_384)
    events = [*feed(turn, SPEECH, 1.0), *feed(turn, SILENCE, 1.5)]
    assert ends(events) == []


def test_a_short_answer_at_another_pause_changes_nothing() -> None:
    turn = tracker()
    list(feed(turn, SPEECH, 1.024))
    list(feed(turn, SILENCE, 0.224))
    turn.short_answer(9_999)
    assert ends(list(feed(turn, SILENCE, 1.0))) == []
