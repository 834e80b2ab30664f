"""Word error rates by language."""

from benchmarks.words import Heard, word_error_rate


def test_english_numerals_and_contractions_are_no_errors() -> None:
    assert Heard("a", "I am twenty one", "I'm 21.").counts() == (0, 3)


def test_other_languages_are_compared_without_the_rules_of_english() -> None:
    heard = Heard("a", "¿Cómo está usted?", "como esta usted", language="es")
    assert heard.counts() == (2, 3)


def test_words_where_nothing_was_said_count() -> None:
    assert word_error_rate([Heard("a", "", "thank you"), Heard("b", "yes sir", "yes sir")]) == 1.0
