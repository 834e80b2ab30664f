from dataclasses import replace

import numpy as np

from tests.engines.whisper.scripted_model import heard
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, RecognizeJob
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.turn import Turn, left_out

_NUMBER = "my number is five five one two"
_TWICE = heard(f"{_NUMBER} {_NUMBER} thanks", in_full=False)


def text(hypothesis: Hypothesis | None) -> str | None:
    return hypothesis.text if hypothesis else None


def test_a_partial_shows_what_is_good() -> None:
    good = heard("open the window please")
    assert Turn().shown(good) is good


def test_a_partial_hides_unlikely_words_and_words_that_come_too_fast() -> None:
    assert Turn().shown(heard("something else entirely", mean_log_probability=-1.2)) is None
    assert Turn().shown(heard("one two three four five six seven eight", audio_s=0.5)) is None


def test_a_partial_shows_a_phrase_once_until_a_final_has_confirmed_that_it_came_twice() -> None:
    turn = Turn()
    assert text(turn.shown(_TWICE)) == _NUMBER
    turn.hear(_TWICE)  # a suspect one confirms nothing
    assert text(turn.shown(_TWICE)) == _NUMBER
    turn.hear(replace(_TWICE, in_full=True))
    longer = heard(f"{_NUMBER} {_NUMBER} thanks a lot", in_full=False)
    assert text(turn.shown(longer)) == longer.text


def test_a_loop_is_shown_once_whatever_was_confirmed() -> None:
    turn = Turn(says_twice=True)
    assert text(turn.shown(heard("press one " * 6, in_full=False))) == "press one"


def test_a_partial_that_was_cut_leaves_out_the_word_it_was_cut_in() -> None:
    assert text(Turn().shown(heard("this is more than fi", ended=False))) == "this is more than"


def test_a_partial_of_a_long_turn_leaves_out_what_is_settled_but_for_its_end() -> None:
    def skipped_s(length_s: float, settled_s: float) -> float:
        samples = np.zeros(round(length_s * ASR_SAMPLE_RATE_HZ), np.float32)
        job = RecognizeJob(session_id="a", turn_id=1, samples=samples, settled_s=settled_s)
        return left_out(job) / ASR_SAMPLE_RATE_HZ

    assert skipped_s(10, 9) == 0
    assert skipped_s(11, 5) == 5
    assert skipped_s(11, 10) == 7
