from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.engines.whisper.words import sound_in, timed_words


def entry(word: str, start: float, end: float, probability: float = 0.9) -> dict[str, Any]:
    return {"word": word, "start": start, "end": end, "probability": probability, "tokens": []}


def evenly(*words: str) -> list[dict[str, Any]]:
    return [entry(word, n * 0.3, (n + 1) * 0.3) for n, word in enumerate(words)]


def times(*entries: dict[str, Any], audio_s: float = 10.0) -> list[tuple[float, float]]:
    return [(w.start_s, w.end_s) for w in timed_words(entries, audio_s)]


def test_words_have_the_times_of_their_tokens() -> None:
    assert times(entry(" good", 0.1, 0.4), entry(" morning", 0.4, 0.8)) == [(0.1, 0.4), (0.4, 0.8)]


def test_the_silence_before_the_first_word_is_not_part_of_it() -> None:
    found = times(entry(" good", 0.0, 3.0), entry(" morning", 3.0, 3.4), entry(" you", 3.4, 3.6))
    assert found == [(2.2, 3.0), (3.0, 3.4), (3.4, 3.6)]


def test_a_pause_in_the_middle_is_not_part_of_the_word_before_it() -> None:
    found = times(entry(" good", 0.0, 0.3), entry(" morning", 0.3, 2.6), entry(" you", 2.6, 2.9))
    assert found == [(0.0, 0.3), (0.3, 0.9), (2.6, 2.9)]


def test_a_long_word_among_long_words_stays_long() -> None:
    found = times(entry(" absolutely", 0.0, 0.6), entry(" unbelievable", 0.6, 1.4))
    assert found == [(0.0, 0.6), (0.6, 1.4)]


def test_no_word_is_longer_than_a_word_can_be() -> None:
    found = times(*(entry(" word", n * 2.0, n * 2.0 + 2.0) for n in range(3)))
    assert found == [(1.1, 2.0), (2.0, 2.9), (4.0, 4.9)]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ((" Well", ",", " yes", "."), ["Well,", "yes."]),
        (
            (" He", " said", ' "', "yes", '"', " and", " left", "."),
            ["He", "said", '"yes"', "and", "left."],
        ),
        ((" She", " said", ' "', "yes", '."'), ["She", "said", '"yes."']),
        ((' "', "Hello", '"'), ['"Hello"']),
        ((" (", "sort", " of", ")"), ["(sort", "of)"]),
        (("...", " well", "..."), ["well..."]),
        ((" at", " 5", ":", "30"), ["at", "5:30"]),
        ((" twenty", "-five"), ["twenty-five"]),
        ((" three", " o", "'", "clock"), ["three", "o'clock"]),
        ((" jane", ".doe", "@example", ".com"), ["jane.doe@example.com"]),
        ((" 3", ".5", " or", " 10", ",000", "."), ["3.5", "or", "10,000."]),
        ((" ¿", "Qué", "?"), ["¿Qué?"]),
        ((" Ja", " „", "gut", "“"), ["Ja", "„gut“"]),
        ((" one", " –", " two"), ["one –", "two"]),
        ((" he", " said", ' "'), ["he", 'said "']),
        (("Hello", " you"), ["Hello", "you"]),
        ((" ",), []),
        (("...", "?"), []),
        ((), []),
    ],
)
def test_words_joined_by_spaces_are_the_text(tokens: tuple[str, ...], words: list[str]) -> None:
    assert [w.word for w in timed_words(evenly(*tokens), 10.0)] == words


def test_a_joined_word_lasts_to_its_end_and_is_as_sure_as_its_least_sure_part() -> None:
    (word,) = timed_words(
        [entry(" 5", 0.0, 0.2, 0.9), entry(":", 0.2, 0.3, 0.1), entry("30", 0.3, 0.5, 0.6)], 1.0
    )
    assert (word.word, word.start_s, word.end_s, word.confidence) == ("5:30", 0.0, 0.5, 0.6)


def test_without_spaces_each_character_is_a_word_and_marks_are_joined() -> None:
    found = timed_words(evenly("「", "你", "好", "」", "。", "吗", "…"), 10.0, spaced=False)
    assert [w.word for w in found] == ["「你", "好」。", "吗…"]


_SECONDS = st.floats(-1, 40, allow_nan=False)
_ENTRIES = st.builds(
    entry,
    st.sampled_from([" a", "b", " long", ",", ' "', '"', " (", "-", " –", "", " ", "好", "…"]),
    _SECONDS,
    _SECONDS,
    st.floats(-0.5, 1.5),
)


@given(st.lists(_ENTRIES, max_size=12), st.floats(0, 30), st.booleans())
def test_whatever_the_alignment_words_are_in_order_and_within_the_audio(
    alignment: list[dict[str, Any]], audio_s: float, spaced: bool
) -> None:
    found = timed_words(alignment, audio_s, spaced=spaced)
    all_times = [t for word in found for t in (word.start_s, word.end_s)]
    assert all_times == sorted(all_times)
    assert all(0 <= t <= audio_s for t in all_times)
    assert all(0 <= word.confidence <= 1 for word in found)
    assert all(any(c.isalnum() for c in word.word) for word in found)


def test_silence_beside_a_word_is_not_its_own() -> None:
    alignment = [
        {"word": " yes", "start": 0.0, "end": 0.7, "probability": 1.0},
        {"word": " please", "start": 0.7, "end": 1.6, "probability": 1.0},
        {"word": " now", "start": 1.6, "end": 2.4, "probability": 1.0},
    ]
    sound = np.zeros(240, np.bool_)
    sound[42:70] = sound[120:160] = sound[165:195] = True
    found = timed_words(alignment, 2.4, sound=sound)
    # gaps as short as those inside of words stay
    assert [(w.start_s, w.end_s) for w in found] == [(0.42, 0.7), (1.2, 1.6), (1.6, 1.95)]


def test_a_word_in_which_nothing_can_be_heard_keeps_its_times() -> None:
    alignment = [{"word": " yes", "start": 0.2, "end": 0.6, "probability": 1.0}]
    (word,) = timed_words(alignment, 1.0, sound=np.zeros(100, np.bool_))
    assert (word.start_s, word.end_s) == (0.2, 0.6)


def test_sound_is_what_is_louder_than_the_hiss() -> None:
    hiss = np.random.default_rng(0).normal(0, 0.001, 16_000).astype(np.float32)
    loud = hiss.copy()
    loud[8_000:] += np.sin(np.arange(8_000) / 5).astype(np.float32)
    assert sound_in(loud).tolist() == [False] * 50 + [True] * 50
    assert sound_in(hiss).all()
    assert not sound_in(np.zeros(16_000, np.float32)).any()
    assert len(sound_in(np.zeros(0, np.float32))) == 0


@pytest.mark.parametrize(
    ("word", "lasts_s"),
    [
        ("9007883.", 2.9),
        ("314-159-265-358-979-323-846-264-33", 7.5),
        ("K-O-W-A-L-S-K-I.", 4.3),
        ("$1,250.75.", 3.3),
        ("1987.", 1.4),
        ("IBM", 1.2),
        ("jane.doe@example.com", 2.2),
    ],
)
def test_a_number_or_a_spelled_word_may_last_as_long_as_its_parts(
    word: str, lasts_s: float
) -> None:
    found = times(
        entry(" it", 0.0, 0.2), entry(" is", 0.2, 0.4), entry(f" {word}", 0.4, 0.4 + lasts_s)
    )
    assert found[-1] == (0.4, pytest.approx(0.4 + lasts_s))


def test_a_number_beside_words_does_not_make_them_longer() -> None:
    found = times(
        entry(" it", 0.0, 0.2),
        entry(" is", 0.2, 0.4),
        entry(" was", 0.4, 2.4),
        entry(" 9007883", 2.4, 5.0),
    )
    assert found == [(0.0, 0.2), (0.2, 0.4), (0.4, 0.9), (2.4, 5.0)]


@pytest.mark.parametrize("word", ["I", "a", "5", "O'Neil", "well-known", "x"])
def test_what_is_one_word_to_the_ear_is_no_longer_than_a_word(word: str) -> None:
    found = times(entry(" it", 0.0, 0.2), entry(" is", 0.2, 0.4), entry(f" {word}", 0.4, 4.0))
    assert found[-1] == (0.4, 0.9)


def test_the_last_word_lasts_while_it_is_heard() -> None:
    alignment = [entry(" seventy", 0.0, 0.6), entry(" five", 0.6, 0.8)]
    sound = np.zeros(200, np.bool_)
    sound[5:80] = sound[95:115] = True  # a quiet consonant between
    sound[150:] = True  # somebody else
    found = timed_words(alignment, 2.0, sound=sound)
    assert [(w.start_s, w.end_s) for w in found] == [(0.0, 0.6), (0.6, 1.15)]
