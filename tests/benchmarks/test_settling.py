"""When text stood: computed from what sessions showed."""

from benchmarks.settling import Shown, completed_s, plain_words


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert plain_words("Don’t stop, PLEASE. 42!") == ["don't", "stop", "please", "42"]


def test_a_text_is_complete_when_its_last_word_is_settled() -> None:
    shown = [
        Shown(1.0, "", "ten of"),
        Shown(2.0, "Ten of", "clubs"),
        Shown(3.0, "Ten of clubs."),
        Shown(9.0, "Ten of clubs. Go forward"),
    ]
    assert completed_s(["ten of clubs", "go forward"], shown) == [3.0, 9.0]


def test_a_settled_word_that_changes_is_not_complete_before() -> None:
    shown = [Shown(1.0, "ten of clocks"), Shown(2.0, "ten of"), Shown(4.0, "ten of clubs")]
    assert completed_s(["ten of clubs"], shown) == [4.0]


def test_words_that_come_while_the_next_text_is_said_belong_to_theirs() -> None:
    shown = [Shown(1.0, "ten"), Shown(7.0, "ten of clubs go"), Shown(8.0, "ten of clubs go on")]
    assert completed_s(["ten of clubs", "go on"], shown) == [7.0, 8.0]


def test_a_text_with_a_wrong_last_word_is_complete_with_that_word() -> None:
    shown = [Shown(1.0, "ten of"), Shown(2.5, "ten of cups")]
    assert completed_s(["ten of clubs"], shown) == [2.5]


def test_an_unheard_text_is_never_complete() -> None:
    shown = [Shown(1.0, "go forward")]
    assert completed_s(["yes", "go forward"], shown) == [None, 1.0]
    assert completed_s(["yes"], []) == [None]
    assert completed_s(["yes"], [Shown(1.0, "", "yes")]) == [None]
