import pytest

from voice_agent.turns.short_answers import is_short_answer


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Yes.", "en"),
        ("no thank you", "en"),
        ("That's right!", "en"),
        ("Ja, bitte.", "de"),
        ("Mm-hmm.", "en"),
    ],
)
def test_short_answers_are_known_whatever_their_marks(text: str, language: str) -> None:
    assert is_short_answer(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [("", "en"), ("yes I want", "en"), ("ja", "en"), ("yes", "fi"), ("nobody", "en")],
)
def test_anything_else_is_not(text: str, language: str) -> None:
    assert not is_short_answer(text, language)
