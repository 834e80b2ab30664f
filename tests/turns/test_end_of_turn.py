"""The decision at a pause."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.turns.end_of_turn import (
    Decision,
    Expected,
    Pause,
    decide,
    expected_answer,
    sound_signs,
    text_signs,
    wait_ms,
)
from voice_agent.turns.end_of_turn_weights import SOUND_ONLY, WAITS_MS, WITH_TEXT
from voice_agent.turns.phrase_end import phrase_end


def decision(
    text: str,
    smart_turn: float | None = 0.9,
    expected: Expected = Expected.ANY,
    language: str = "en",
) -> Decision:
    return decide(
        Pause(
            smart_turn=smart_turn, text=text, language=language, confidence=0.9, expected=expected
        )
    )


# what was measured on real clips: Smart Turn's probability, and whether the turn was over
@pytest.mark.parametrize("smart_turn", [0.03, 0.13, 0.16, 0.34])
@pytest.mark.parametrize(
    "text", ["The pencils have all been used.", "The child almost hurt the small dog."]
)
def test_a_whole_sentence_does_not_wait_for_silence_however_it_sounds(
    text: str, smart_turn: float
) -> None:
    assert decision(text, smart_turn).wait_ms < 1100


@pytest.mark.parametrize(
    "text",
    ["in short,", "Unless a system is established,", "I would like to", "It was, um", "What is"],
)
def test_what_leads_on_waits_although_it_sounds_complete(text: str) -> None:
    whole = decision("I would like to see it.", 0.98)
    assert decision(text, 0.98).wait_ms > max(900, 1.5 * whole.wait_ms)


def test_a_number_that_is_whole_ends_sooner_than_one_that_is_not() -> None:
    whole, part = decision("415-226-7913", 0.9), decision("415-226", 0.9)
    assert whole.wait_ms < part.wait_ms


def test_a_yes_to_a_yes_no_question_ends_sooner() -> None:
    assert decision("Yes.", expected=Expected.YES_NO).wait_ms < decision("Yes.").wait_ms


@given(st.sampled_from(["", "Yes.", "It is done.", "and then", "four one"]), st.floats(0, 1))
def test_a_sound_that_is_believed_more_never_waits_longer(text: str, p: float) -> None:
    assert decision(text, min(1.0, p + 0.1)).wait_ms <= decision(text, p).wait_ms


@given(st.floats(-40, 40), st.floats(0, 10))
def test_better_odds_never_wait_longer(log_odds: float, more: float) -> None:
    assert wait_ms(log_odds + more) <= wait_ms(log_odds)


@given(st.floats(-1e6, 1e6))
def test_waits_lie_within_the_table(log_odds: float) -> None:
    assert WAITS_MS[-1][1] <= wait_ms(log_odds) <= WAITS_MS[0][1]


def test_the_table_rises_in_odds_and_falls_in_waits() -> None:
    odds = [odds for odds, _ in WAITS_MS]
    waits = [ms for _, ms in WAITS_MS]
    assert odds == sorted(odds)
    assert waits == sorted(waits, reverse=True)


def test_each_sign_has_a_weight_and_each_weight_a_sign() -> None:
    pause = Pause(smart_turn=0.5, text="I am here.", language="en")
    end = phrase_end(pause.text, "en")
    assert end is not None
    assert {**sound_signs(pause), **text_signs(pause, end)}.keys() == WITH_TEXT.keys()
    assert sound_signs(pause).keys() == SOUND_ONLY.keys()


def test_a_decision_says_what_made_it() -> None:
    made = decision("I would like to")
    assert made.signs["hangs"] < 0
    assert made.log_odds == pytest.approx(sum(made.signs.values()))
    assert made.probability == pytest.approx(1 / (1 + math.exp(-made.log_odds)))


def test_without_rules_or_words_the_sound_alone_decides() -> None:
    by_sound = decide(Pause(smart_turn=0.7)).wait_ms
    assert decision("und", 0.7, language="de").wait_ms == by_sound
    assert decision("", 0.7).wait_ms == by_sound
    assert decide(Pause(smart_turn=0.98)).wait_ms < decide(Pause(smart_turn=0.02)).wait_ms


def test_words_are_judged_without_a_sound_too() -> None:
    assert (
        decision("and then", None).wait_ms > decision("That is all I wanted to know.", None).wait_ms
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Do you want a receipt?", Expected.YES_NO),
        ("I have found it. Shall I book it?", Expected.YES_NO),
        ("Okay, is that correct?", Expected.YES_NO),
        ("It is the fifth of May, right?", Expected.YES_NO),
        ("Is it the red or the blue one?", Expected.ANY),
        ("What is your phone number?", Expected.NUMBER),
        ("Please tell me your order number.", Expected.NUMBER),
        ("Could you spell that for me?", Expected.NUMBER),
        ("Do you have your customer number?", Expected.YES_NO),
        ("How old are you?", Expected.NUMBER),
        ("What is your e-mail address?", Expected.NUMBER),
        ("How can I help you?", Expected.ANY),
        ("Your number is 415.", Expected.ANY),
        ("Do not worry.", Expected.ANY),
        ("", Expected.ANY),
        ("Wie ist Ihre Nummer?", Expected.ANY),
    ],
)
def test_what_was_asked_says_what_to_expect(asked: str, expected: Expected) -> None:
    assert expected_answer(asked) is expected
