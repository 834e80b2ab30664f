"""What is known of a pause comes bit by bit."""

from voice_agent.turns.end_of_turn import Expected
from voice_agent.turns.pause_decision import PauseDecision, PauseText


def text(words: str, end_sample: int = 100, language: str = "en") -> PauseText:
    return PauseText(end_sample=end_sample, text=words, language=language, confidence=0.9)


def wait(known: PauseDecision) -> float:
    found = known.wait_ms()
    assert found is not None
    return found


def test_before_anything_is_known_nothing_is_decided() -> None:
    assert PauseDecision("en").wait_ms() is None


def test_the_sound_alone_waits_for_a_text_that_is_late() -> None:
    known = PauseDecision("en")
    known.sound(100, 0.98)
    assert wait(known) >= 800


def test_the_text_decides_when_it_comes_whichever_comes_first() -> None:
    first, last = PauseDecision("en"), PauseDecision("en")
    for known in (first, last):
        if known is first:
            known.read(text("The pencils have all been used."))
        known.sound(100, 0.98)
        if known is last:
            known.read(text("The pencils have all been used."))
    assert wait(first) == wait(last) < 800


def test_the_text_of_another_pause_says_nothing() -> None:
    known = PauseDecision("en")
    known.read(text("Bye.", end_sample=50))
    known.sound(100, 0.98)
    assert wait(known) >= 800


def test_without_a_judgement_the_text_still_counts() -> None:
    known = PauseDecision("en")
    known.sound(100, None)
    assert known.wait_ms() is None
    known.read(text("Thank you, goodbye."))
    assert known.wait_ms() is not None


def test_no_text_is_waited_for_in_a_language_without_rules() -> None:
    known, unknown = PauseDecision("de"), PauseDecision("auto")
    for decision in (known, unknown):
        decision.sound(100, 0.99)
    assert wait(known) < 800 <= wait(unknown)
    unknown.read(text("Danke.", language="de"))
    assert wait(unknown) == wait(known)


def test_what_is_expected_changes_the_wait() -> None:
    known = PauseDecision("en")
    known.sound(100, 0.8)
    known.read(text("Yes."))
    before = wait(known)
    known.expected = Expected.YES_NO
    assert wait(known) < before
