"""Questions that show whether they were understood, and answers that are timed as they play."""

from datetime import datetime

import numpy as np
import pytest

from benchmarks.voice_to_voice.__main__ import right
from benchmarks.voice_to_voice.page import Answer
from benchmarks.voice_to_voice.questions import Question, questions
from benchmarks.voice_to_voice.turn import Turn
from voice_agent.responder import respond


@pytest.mark.parametrize("caller", range(10))
def test_the_rules_answer_shows_that_a_question_was_understood(caller: int) -> None:
    for question in questions(caller):
        assert question.answered_by(respond(question.text, datetime.now)), question


def test_callers_ask_different_things() -> None:
    asked = [tuple(question.text for question in questions(caller)) for caller in range(10)]
    assert len(set(asked)) == 10


def test_digits_count_however_they_are_written() -> None:
    question = Question("My number is six three one seven.", ("number", "6317"))
    assert question.answered_by("You said: My number is 6-3-1-7.")
    assert question.answered_by("You said my number is six three one seven.")
    assert not question.answered_by("You said: My number is 6-3-1-1.")


def test_a_language_model_s_caller_is_judged_by_the_words_that_were_recognised() -> None:
    turn = Turn(Question("What is two plus two?", ("4",)), 0.5, final="What is 2 plus 2?")
    assert right(turn, "page", by_rules=False)
    assert right(turn, "telephone", by_rules=False) is None
    assert right(turn, "page", by_rules=True) is False  # no answer


def test_an_answer_is_heard_when_its_first_sound_is_played() -> None:
    answer = Answer()
    answer.play(np.zeros(2_400, np.float32), now_s=10.0)
    assert answer.audible_s is None
    sound = np.concatenate([np.zeros(1_200), np.full(1_200, 0.5)]).astype(np.float32)
    answer.play(sound, now_s=10.02)  # comes early, and waits for what is played
    assert answer.audible_s == pytest.approx(10.15)
    assert answer.plays_until_s == pytest.approx(10.2)


def test_audio_that_comes_late_is_played_when_it_comes() -> None:
    answer = Answer()
    answer.play(np.full(240, 0.5, np.float32), now_s=1.0)
    answer.play(np.full(240, 0.5, np.float32), now_s=3.0)
    assert answer.plays_until_s == pytest.approx(3.01)
