from dataclasses import replace

import pytest

from tests.engines.whisper.scripted_model import heard
from voice_agent.engines.whisper.loops import again, compression_ratio, repeats

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
    assert heard(text).cleaned().text == ""
    assert compression_ratio(_SENTENCE) < 1.5


def test_more_words_than_can_be_said_are_doubtful() -> None:
    assert heard(_SENTENCE, audio_s=1.0).doubtful
    assert not heard(_SENTENCE, audio_s=3.0).doubtful
    assert not heard("okay", audio_s=0.05).doubtful


def test_characters_may_come_faster_than_words() -> None:
    thai = " ".join("ขอจองโต๊ะสำหรับสี่คนคืนนี้")
    assert not heard(thai, language="th", audio_s=2.0).looping
    assert heard(thai, language="th", audio_s=0.5).looping


def test_a_model_that_did_not_come_to_an_end_was_cut_or_is_looping() -> None:
    cut = heard("well I would like to bo", ended=False)
    assert cut.cut
    assert not cut.looping
    assert cut.cleaned().text == "well I would like to"
    endless = heard("press one to reply " * 3, ended=False)
    assert endless.looping
    assert not endless.cut
    assert endless.cleaned().text == "press one to reply"


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("press one to reply press one to reply", slice(4, 8)),
        ("thank you thank you", slice(2, 4)),
        ("well thank you thank you bye", slice(3, 5)),
        ("press seven to go back press eight to go on " * 2, slice(10, 20)),
        ("no no no no", slice(1, 4)),
        ("no no no", None),
        ("nine one one nine", None),
    ],
)
def test_a_phrase_that_comes_twice_in_a_row_is_found(text: str, more: slice | None) -> None:
    assert again(text.split()) == more


def test_in_chinese_two_signs_may_come_twice() -> None:
    assert again(list("看看谢谢"), spaced=False) is None
    assert again(list("请稍等请稍等"), spaced=False) is None
    assert again(list("请您稍等请您稍等"), spaced=False) == slice(4, 8)


def test_a_phrase_said_twice_is_suspect_only_in_a_window_in_which_models_loop() -> None:
    twice = heard("my number is my number is five")
    assert not twice.suspect
    assert not twice.doubtful
    assert twice.cleaned() is twice
    short = replace(twice, in_full=False)
    assert short.suspect
    assert short.cleaned().text == "my number is five"


def test_a_phrase_said_again_where_nothing_is_heard_is_a_loop() -> None:
    twice = heard("press one to reply press one to reply", audio_s=4.0)
    late = [replace(word, start_s=4.0, end_s=4.0) for word in twice.words[4:]]
    loop = replace(twice, words=(*twice.words[:4], *late))
    assert loop.looping
    assert loop.cleaned().text == "press one to reply"


def test_before_a_loop_is_what_was_said_first() -> None:
    looping = heard("so press one press one press one bye")
    assert looping.before_loop().text == "so press one"
    good = heard(_SENTENCE)
    assert good.before_loop() is good


@pytest.mark.parametrize(
    ("text", "log_probability", "no_speech", "silent"),
    [
        # as Whisper base heard them
        ("you", -0.527, 0.918, True),  # silence
        ("Thank you.", -1.023, 0.696, True),  # music
        ("I'm going to go to the next station.", -1.833, 0.846, True),  # a room
        ("Oh", -1.788, 0.606, True),  # music
        ("I", -2.199, 0.528, True),  # a cough
        ("BELL", -2.268, 0.47, True),  # a telephone rings
        ("Arm.", -1.6, 0.1, True),  # "uh"
        ("I'm going to add some salt.", -1.6, 0.25, True),  # a cough
        ("Console", -1.007, 0.642, False),  # the word
        ("SIP!", -0.982, 0.351, False),  # the word
        ("Semicolon.", -0.696, 0.491, False),  # the word
        ("o'clock", -0.685, 0.161, False),  # the word
        ("thanks for watching", -1.2, 0.1, False),  # speech that is hard to understand
    ],
)
def test_what_nobody_said_is_silence_and_what_somebody_said_is_not(
    text: str, log_probability: float, no_speech: float, silent: bool
) -> None:
    one = heard(text, mean_log_probability=log_probability, no_speech_probability=no_speech)
    assert one.silent == silent
    assert not one.doubtful
    assert one.cleaned().text == ("" if silent else text)


@pytest.mark.parametrize(
    ("text", "least", "log_probability", "silent"),
    [
        # as Whisper base heard them
        ("Thank you.", 0.01, -0.91, True),  # a cough
        ("Now, let's make the dough.", 0.0, -1.67, True),  # a cough
        ("Press 4 for the previous message.", 0.035, -0.309, False),  # that
        ("6", 0.046, -0.81, False),  # that
        ("Did Miss Xanthippe call?", 0.01, -0.4, False),  # a rare name in clear speech
    ],
)
def test_a_word_that_is_next_to_impossible_in_unlikely_words_was_not_said(
    text: str, least: float, log_probability: float, silent: bool
) -> None:
    first, *rest = heard(
        text, mean_log_probability=log_probability, no_speech_probability=0.3
    ).words
    words = (replace(first, confidence=least), *rest)
    one = replace(heard(text, mean_log_probability=log_probability), words=words)
    assert one.silent == silent


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
