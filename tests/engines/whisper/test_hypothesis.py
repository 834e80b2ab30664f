from dataclasses import replace

import pytest

from tests.engines.whisper.scripted_model import heard
from voice_agent.engines.whisper.hypothesis import compression_ratio, repeats

_SENTENCE = "could you please tell me when the next train to the airport leaves"


def test_what_came_out_well_is_left_alone() -> None:
    good = heard(_SENTENCE)
    assert not good.looping
    assert not good.doubtful
    assert not good.silent
    assert good.cleaned() is good


@pytest.mark.parametrize(
    "text",
    [
        "five five five five",
        "no no no no no",
        "my number is zero zero zero zero zero zero zero nine",
        "yes yes yes yes i know i know i know",
        "please hold please hold please hold please hold",
    ],
)
def test_what_people_do_repeat_is_no_loop(text: str) -> None:
    assert repeats(text.split()) is None
    assert heard(text).cleaned().text == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("thank you " * 5, "thank you"),
        ("so " + "Thank you. " * 7, "so Thank you."),
        ("so much for " * 5 + "so", "so much for"),
        ("no " * 10, "no"),
        ("one two three four five six " * 5, "one two three four five six"),
    ],
)
def test_a_loop_is_cut_to_one_round(text: str, cleaned: str) -> None:
    looping = heard(text.strip())
    assert looping.looping
    assert looping.doubtful
    assert looping.cleaned().text == cleaned
    assert " ".join(word.word for word in looping.cleaned().words) == cleaned


def test_a_loop_is_found_whatever_its_case_and_punctuation() -> None:
    assert heard("Thank you. thank you, THANK YOU! Thank you… Thank you.").looping


def test_what_is_said_after_a_loop_stays() -> None:
    after = heard("Thank you. " * 6 + "I would like to book a table")
    assert after.cleaned().text == "Thank you. I would like to book a table"
    times = [word.start_s for word in after.cleaned().words]
    assert times[:3] == [0.0, 1.0, 12.0]


def test_every_loop_is_cut() -> None:
    assert heard("bye now " * 5 + "well " + "thank you " * 5).cleaned().text == (
        "bye now well thank you"
    )


def test_a_language_without_spaces_stays_without() -> None:
    looping = heard("再 见 " * 5 + "谢 谢", language="zh")
    assert looping.cleaned().text == "再见谢谢"


def test_text_that_compresses_too_well_is_looping() -> None:
    text = "abcdefgh" * 20
    assert compression_ratio(text) > 2.4
    assert heard(text).looping
    assert compression_ratio(_SENTENCE) < 1.5


def test_more_words_than_can_be_said_are_doubtful() -> None:
    assert heard(_SENTENCE, audio_s=1.0).doubtful
    assert not heard(_SENTENCE, audio_s=3.0).doubtful
    assert not heard("okay", audio_s=0.05).doubtful


def test_characters_may_come_faster_than_words() -> None:
    thai = " ".join("ขอจองโต๊ะสำหรับสี่คนคืนนี้")
    assert not heard(thai, language="th", audio_s=2.0).looping
    assert heard(thai, language="th", audio_s=0.5).looping


def test_a_model_that_did_not_come_to_an_end_is_looping() -> None:
    assert heard("well", ended=False).looping


def test_unsure_words_are_doubtful_and_silent_only_where_no_speech_was_heard() -> None:
    unsure = heard("thanks for watching", mean_log_probability=-1.2)
    assert unsure.doubtful
    assert not unsure.silent
    assert unsure.cleaned().text == "thanks for watching"
    silent = heard("thanks for watching", mean_log_probability=-1.2, no_speech_probability=0.7)
    assert silent.silent
    assert (silent.cleaned().text, silent.cleaned().words) == ("", ())


def test_sure_words_are_not_taken_for_silence() -> None:
    sure = heard("hello", no_speech_probability=0.99)
    assert not sure.silent
    assert sure.cleaned() is sure


def test_nothing_said_is_neither_doubtful_nor_changed() -> None:
    nothing = heard("")
    assert compression_ratio("") == 0.0
    assert not nothing.doubtful
    assert (nothing.cleaned().text, nothing.cleaned().words) == ("", ())


def test_marks_without_words_are_nothing() -> None:
    assert replace(heard(""), text="♪♪ …").cleaned().text == ""


def test_repeats_says_where_the_loop_goes_on_and_ends() -> None:
    words = ["oh", *["a", "b"] * 5, "a", "c"]
    assert repeats(words) == slice(3, 12)
