import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.turns.playback import Playback

TEXT = "one two three four five"


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def playback(clock: Clock) -> Playback:
    """2.3 s of audio, sent at once: a letter every 0.1 s."""
    playback = Playback(clock)
    for start in range(0, len(TEXT), 4):
        end = min(start + 4, len(TEXT))
        playback.sent((end - start) / 10, start, end)
    return playback


def test_audio_plays_in_real_time(playback: Playback, clock: Clock) -> None:
    assert playback.played_s == pytest.approx(0.0)
    assert playback.ahead_s == pytest.approx(2.3)
    clock.now_s += 1.0
    assert playback.played_s == pytest.approx(1.0)
    clock.now_s += 5.0
    assert playback.ahead_s == pytest.approx(0.0)


def test_a_gap_between_chunks_is_no_playing(playback: Playback, clock: Clock) -> None:
    clock.now_s += 10.0
    playback.sent(1.0, 23, 23)
    clock.now_s += 0.4
    assert playback.played_s == pytest.approx(2.7)


def test_only_whole_words_count_as_heard(playback: Playback, clock: Clock) -> None:
    assert playback.heard(TEXT) == ""
    clock.now_s += 0.65
    assert playback.heard(TEXT) == "one"
    clock.now_s += 0.1
    assert playback.heard(TEXT) == "one two"
    clock.now_s += 5.0
    assert playback.heard(TEXT) == TEXT


def test_a_report_is_believed_and_goes_on_in_real_time(playback: Playback, clock: Clock) -> None:
    clock.now_s += 2.0
    playback.reported(0.5)
    assert playback.played_s == pytest.approx(0.5)
    clock.now_s += 0.25
    assert playback.heard(TEXT) == "one two"


def test_a_client_that_stops_reporting_is_not_believed_for_ever(
    playback: Playback, clock: Clock
) -> None:
    playback.reported(0.0)
    clock.now_s += 3.0
    assert playback.ahead_s == pytest.approx(0.0)


def test_nothing_is_heard_before_it_was_sent(playback: Playback, clock: Clock) -> None:
    # a report about the answer before, or nonsense
    clock.now_s += 0.3
    playback.reported(1e9)
    assert playback.played_s == pytest.approx(0.3)


def test_a_report_before_any_audio_means_nothing(clock: Clock) -> None:
    playback = Playback(clock)
    playback.reported(7.0)
    playback.sent(1.0, 0, 3)
    assert playback.played_s == pytest.approx(0.0)


def test_what_cannot_be_spoken_is_heard_with_what_is_before_it(clock: Clock) -> None:
    playback = Playback(clock)
    playback.sent(0.5, 0, 5)
    clock.now_s += 1.0
    assert playback.heard("Fine. \U0001f600") == "Fine. \U0001f600"
    assert playback.heard("Fine. But") == "Fine."


_PIECES = st.lists(st.tuples(st.floats(0.01, 2), st.integers(0, 30)), max_size=10)


@given(st.text(max_size=200), _PIECES, st.floats(0, 20), st.none() | st.floats(0, 1e12))
def test_what_was_heard_is_whole_words_from_the_beginning(
    text: str, pieces: list[tuple[float, int]], later_s: float, reported_s: float | None
) -> None:
    clock = Clock()
    playback = Playback(clock)
    at = 0
    for seconds, n_chars in pieces:
        playback.sent(seconds, at, at + n_chars)
        at += n_chars
    clock.now_s += later_s
    if reported_s is not None:
        playback.reported(reported_s)
    heard = playback.heard(text)
    assert text.startswith(heard)
    assert -1e-9 <= playback.played_s <= playback.sent_s + 1e-9
    if heard != text:
        assert heard.split() == text.split()[: len(heard.split())]
        assert not heard or re.search(r"\S$", heard)


def test_a_word_in_several_pieces_is_heard_with_the_last_of_them(clock: Clock) -> None:
    playback = Playback(clock)
    text = "ten ten ten"
    for start, end in ((0, 7), (4, 7), (4, 11)):
        playback.sent(0.4, start, end)
    heard: list[str] = []
    for _ in range(12):
        clock.now_s += 0.1
        heard.append(playback.heard(text))
    assert heard == ["", *["ten"] * 7, *["ten ten"] * 3, text]


def test_time_stands_still_while_it_is_held(playback: Playback, clock: Clock) -> None:
    clock.now_s += 1.0
    playback.hold()
    clock.now_s += 5.0
    assert playback.played_s == pytest.approx(1.0)
    assert playback.heard(TEXT) == "one two"


def test_what_the_client_dropped_is_known_from_its_last_report(
    playback: Playback, clock: Clock
) -> None:
    clock.now_s += 1.0
    playback.hold()
    playback.reported(0.65)
    assert playback.played_s == pytest.approx(0.65)
    assert playback.heard(TEXT) == "one"


def test_it_goes_on_with_the_word_that_was_cut(playback: Playback, clock: Clock) -> None:
    clock.now_s += 1.15  # in the middle of "three", which begins at 0.8
    playback.hold()
    clock.now_s += 2.0
    assert playback.rewind(TEXT) == pytest.approx(0.8)
    # the client counts on
    assert playback.sent_s == playback.played_s == pytest.approx(1.15)
    playback.sent(1.5, 8, 23)
    assert playback.heard(TEXT) == "one two"
    clock.now_s += 0.55
    assert playback.heard(TEXT) == "one two three"
    clock.now_s += 1.0
    assert playback.heard(TEXT) == TEXT


def test_reports_go_on_counting_after_a_hold(playback: Playback, clock: Clock) -> None:
    clock.now_s += 1.0
    playback.reported(0.9)
    playback.hold()
    playback.reported(0.95)
    clock.now_s += 1.0
    playback.rewind(TEXT)
    playback.sent(1.5, 8, 23)
    clock.now_s += 1.0
    playback.reported(1.5)
    assert playback.played_s == pytest.approx(1.5)
    assert playback.heard(TEXT) == "one two three"


@given(
    played=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=6),
    reports=st.lists(st.none() | st.floats(0.0, 5.0), min_size=6, max_size=6),
)
def test_holds_take_nothing_back_and_leave_nothing_out(
    played: list[float], reports: list[float | None]
) -> None:
    clock = Clock()
    playback = Playback(clock)
    playback.sent(2.3, 0, 23)
    heard = ""
    for play_s, report_s in zip(played, reports, strict=False):
        clock.now_s += play_s
        playback.hold()
        if report_s is not None:
            playback.reported(report_s)
        before_s, dropped_s = playback.played_s, playback.sent_s
        text = playback.heard(TEXT)
        again_s = playback.rewind(TEXT)
        assert 0 <= again_s <= before_s <= dropped_s
        assert before_s - again_s <= 1.5
        assert TEXT.startswith(text)
        assert len(text) >= len(heard) or report_s is not None
        heard = text
        place = round(23 * again_s / dropped_s)
        playback.sent(dropped_s - again_s, place, 23)
        assert playback.heard(TEXT) == text


def test_phrases_take_time_and_are_no_text(clock: Clock) -> None:
    playback = Playback(clock)
    playback.sent(1.0, 0, 0)
    playback.sent(0.8, 0, 8)
    playback.sent(1.0, 8, 8)
    playback.sent(0.6, 8, 14)
    heard: list[str] = []
    for _ in range(7):
        clock.now_s += 0.5
        heard.append(playback.heard("one two three."))
    assert heard == ["", "", "one", "one two", "one two", "one two", "one two three."]
    playback.hold()
    playback.reported(1.5)
    assert playback.heard("one two three.") == "one"


def test_nothing_is_heard_while_the_client_is_away(playback: Playback, clock: Clock) -> None:
    clock.now_s += 0.65
    playback.hold()
    playback.sent(1.0, 23, 23)
    clock.now_s += 9.0
    assert playback.heard(TEXT) == "one"
    playback.go_on()
    assert playback.ahead_s == pytest.approx(2.65)
    clock.now_s += 0.1
    assert playback.heard(TEXT) == "one two"
    clock.now_s += 2.6
    assert playback.ahead_s == pytest.approx(0.0)
