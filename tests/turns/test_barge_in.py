import math

import pytest

from voice_agent.settings import ConversationSettings
from voice_agent.turns.back_channels import BackChannels
from voice_agent.turns.barge_in import BargeIn, Verdict

WORDS = BackChannels(ConversationSettings().back_channel_words)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def barge_in(clock: Clock) -> BargeIn:
    """Speech has begun in the middle of a long answer."""
    barge_in = BargeIn(WORDS, clock)
    barge_in.speak()
    barge_in.hear("There are three trains. The first", math.inf)
    return barge_in


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Okay.",
        "Mm-hmm.",
        "Uh-huh",
        "Yes, yes!",
        "Right, okay.",
        "I see.",
        "oh yeah",
        "...",
    ],
)
def test_these_are_back_channels(text: str) -> None:
    assert WORDS.match(text, "en")


@pytest.mark.parametrize("text", ["No.", "Stop", "Yes, but", "okay wait", "rightly", "I", "seeing"])
def test_these_are_not(text: str) -> None:
    assert not WORDS.match(text, "en")


def test_words_are_those_of_the_language() -> None:
    assert WORDS.match("Genau, ja.", "de")
    assert not WORDS.match("genau", "en")
    assert WORDS.match("genau")
    assert not WORDS.match("okay", "xx")
    assert WORDS.match("", "xx")


def test_without_words_only_silence_is_none() -> None:
    assert BackChannels({}).match("", "en")
    assert not BackChannels({}).match("okay", "en")


def test_a_back_channel_lets_the_answer_go_on_once_it_is_over(barge_in: BargeIn) -> None:
    assert barge_in.judge("okay", settled=False) is Verdict.WAIT
    assert barge_in.judge("okay", "en", settled=True) is Verdict.RESUME


def test_a_cough_lets_it_go_on(barge_in: BargeIn) -> None:
    assert barge_in.judge("", settled=True) is Verdict.RESUME


def test_other_words_take_the_turn_at_once(barge_in: BargeIn) -> None:
    assert barge_in.judge("okay but", settled=False) is Verdict.INTERRUPT


def test_yes_to_a_question_is_a_reply(barge_in: BargeIn) -> None:
    barge_in.hear("There are two. Shall I book the first?", math.inf)
    assert barge_in.judge("Yes.", settled=True) is Verdict.INTERRUPT
    barge_in.hear("Shall I book the first? Or the", math.inf)
    assert barge_in.judge("Yes.", settled=True) is Verdict.INTERRUPT
    barge_in.hear("Shall I book it? Well, there are other trains too.", math.inf)
    assert barge_in.judge("Yes.", settled=True) is Verdict.RESUME


def test_a_cough_is_no_reply(barge_in: BargeIn) -> None:
    barge_in.hear("Shall I book it?", 0.1)
    assert barge_in.judge("", settled=True) is Verdict.RESUME


def test_okay_into_the_last_word_is_a_reply(barge_in: BargeIn) -> None:
    barge_in.hear("The train leaves at", 0.7)
    assert barge_in.judge("okay", settled=False) is Verdict.INTERRUPT


def test_what_is_said_when_nothing_was_left_to_hold_is_a_reply(clock: Clock) -> None:
    barge_in = BargeIn(WORDS, clock)
    barge_in.speak()
    assert barge_in.judge("okay", settled=True) is Verdict.INTERRUPT


def test_long_speech_without_a_text_is_no_word(barge_in: BargeIn, clock: Clock) -> None:
    clock.now_s += 0.4
    assert barge_in.due_in_s == pytest.approx(0.6)
    clock.now_s += 5
    assert barge_in.due_in_s == 0
    assert barge_in.overdue(speaking=True) is Verdict.INTERRUPT


def test_a_pause_waits_longer_for_its_text(barge_in: BargeIn, clock: Clock) -> None:
    clock.now_s += 0.5
    barge_in.pause()
    assert barge_in.due_in_s == pytest.approx(3.0)
    assert barge_in.overdue(speaking=False) is Verdict.RESUME


def test_the_turn_stays_open_when_the_answer_goes_on(barge_in: BargeIn) -> None:
    barge_in.resume()
    assert barge_in.due_in_s is None
    assert barge_in.during_answer
    barge_in.pause()
    assert barge_in.due_in_s is None
    barge_in.reset()
    assert not barge_in.during_answer
