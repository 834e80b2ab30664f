"""Word error rates by language."""

from benchmarks.words import Heard, word_error_rate


def test_english_numerals_and_contractions_are_no_errors() -> None:
    assert Heard("a", "I am twenty one", "I'm 21.").counts() == (0, 3)


def test_other_languages_have_their_numerals_and_accents_do_not_count() -> None:
    heard = Heard("a", "Marque 1 para código", "marque uno para codigo.", language="es")
    assert heard.counts() == (0, 4)
    assert Heard("a", "tapez 21 ou 345", "tapez vingt et un ou 6", language="fr").counts() == (1, 6)


def test_words_where_nothing_was_said_count() -> None:
    assert word_error_rate([Heard("a", "", "thank you"), Heard("b", "yes sir", "yes sir")]) == 1.0
