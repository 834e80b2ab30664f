from hypothesis import given
from hypothesis import strategies as st

from voice_agent.turns.segmenter import SegmentEnded, Segmenter, SegmentEvent, SegmentStarted

SPEECH, SILENCE = 0.9, 0.1
WINDOW = 512


def feed(segmenter: Segmenter, *runs: tuple[float, int]) -> list[SegmentEvent]:
    """Feeds runs of (probability, windows); returns what was decided."""
    fed = [segmenter.feed(probability) for probability, n in runs for _ in range(n)]
    return [event for event in fed if event is not None]


def test_four_windows_of_speech_begin_a_segment_where_they_began() -> None:
    segmenter = Segmenter()
    assert feed(segmenter, (SILENCE, 10), (SPEECH, 3)) == []
    assert feed(segmenter, (SPEECH, 1)) == [SegmentStarted(10 * WINDOW)]


def test_six_windows_of_silence_end_a_segment_where_they_began() -> None:
    segmenter = Segmenter()
    events = feed(segmenter, (SPEECH, 20), (SILENCE, 5))
    assert events == [SegmentStarted(0)]
    assert feed(segmenter, (SILENCE, 1)) == [SegmentEnded(20 * WINDOW)]


def test_a_short_noise_begins_nothing_and_a_short_gap_ends_nothing() -> None:
    segmenter = Segmenter()
    assert feed(segmenter, (SILENCE, 9), (SPEECH, 3), (SILENCE, 9)) == []
    assert len(feed(segmenter, (SPEECH, 9), (SILENCE, 5), (SPEECH, 9))) == 1


def test_it_is_quiet_only_while_nothing_is_said_or_begins() -> None:
    segmenter = Segmenter()
    assert segmenter.quiet
    feed(segmenter, (SPEECH, 1))
    assert not segmenter.quiet
    feed(segmenter, (SILENCE, 1))
    assert segmenter.quiet


def test_a_cut_ends_an_open_segment_now() -> None:
    segmenter = Segmenter()
    feed(segmenter, (SPEECH, 20), (SILENCE, 3))
    assert segmenter.cut() == [SegmentEnded(23 * WINDOW)]
    assert segmenter.quiet
    assert segmenter.cut() == []


def test_a_cut_keeps_a_word_that_was_about_to_begin() -> None:
    segmenter = Segmenter()
    feed(segmenter, (SILENCE, 4), (SPEECH, 2))
    assert segmenter.cut() == [SegmentStarted(4 * WINDOW), SegmentEnded(6 * WINDOW)]


def test_a_cut_after_one_loud_window_begins_nothing() -> None:
    segmenter = Segmenter()
    feed(segmenter, (SILENCE, 4), (SPEECH, 1))
    assert segmenter.cut() == []


def test_the_quietest_spot_lies_in_the_softest_windows() -> None:
    segmenter = Segmenter()
    feed(segmenter, (SPEECH, 50), (0.75, 3), (SPEECH, 40))
    assert segmenter.quietest(93) == 50 * WINDOW + 3 * WINDOW // 2
    assert segmenter.quietest(20) >= 73 * WINDOW


@given(st.lists(st.tuples(st.sampled_from([SPEECH, SILENCE]), st.integers(1, 12)), max_size=40))
def test_starts_and_ends_alternate_in_order(runs: list[tuple[float, int]]) -> None:
    segmenter = Segmenter()
    events = [*feed(segmenter, *runs), *segmenter.cut()]
    kinds = [type(event) for event in events]
    assert kinds == ([SegmentStarted, SegmentEnded] * len(kinds))[: len(kinds)]
    assert len(kinds) % 2 == 0
    positions = [event.at_sample for event in events]
    assert positions == sorted(positions)


def loud(
    segmenter: Segmenter, probability: float, windows: int, loudness_db: float
) -> list[SegmentEvent]:
    fed = [segmenter.feed(probability, loudness_db) for _ in range(windows)]
    return [event for event in fed if event is not None]


def test_what_may_be_speech_has_to_stand_out_of_what_was_there() -> None:
    segmenter = Segmenter()
    loud(segmenter, SILENCE, 100, -40)
    assert loud(segmenter, 0.5, 40, -30) == []
    loud(segmenter, SILENCE, 1, -40)
    assert loud(segmenter, 0.5, 4, -24) == [SegmentStarted(141 * WINDOW)]


def test_the_loudest_window_of_a_soft_beginning_makes_it_stand_out() -> None:
    segmenter = Segmenter()
    loud(segmenter, SILENCE, 20, -65)
    loud(segmenter, 0.5, 5, -62)
    assert loud(segmenter, 0.5, 1, -38) == [SegmentStarted(20 * WINDOW)]


def test_clear_speech_begins_however_loud_it_is_around() -> None:
    segmenter = Segmenter()
    loud(segmenter, SILENCE, 100, -30)
    assert loud(segmenter, SPEECH, 5, -28) == []
    assert loud(segmenter, SPEECH, 1, -28) == [SegmentStarted(100 * WINDOW)]


def test_a_cut_that_suspects_speech_takes_what_may_have_been_some() -> None:
    segmenter = Segmenter()
    feed(segmenter, (SPEECH, 10), (SILENCE, 20), (0.3, 2), (SILENCE, 3), (0.3, 1), (SILENCE, 4))
    assert segmenter.cut() == []
    assert segmenter.cut(suspect=True) == [SegmentStarted(30 * WINDOW), SegmentEnded(40 * WINDOW)]
    assert segmenter.cut(suspect=True) == []


def test_a_cut_suspects_nothing_in_silence() -> None:
    segmenter = Segmenter()
    feed(segmenter, (SILENCE, 100), (0.3, 2), (SILENCE, 20))
    assert segmenter.cut(suspect=True) == []
