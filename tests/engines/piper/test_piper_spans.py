"""Words in frames, and texts in more than one script."""

import pytest

from voice_agent.engines.piper.scripts import runs
from voice_agent.engines.piper.spans import Span, spans


def test_a_word_has_its_frames_and_a_pause_no_text() -> None:
    found = spans("one two.", [(0, 3), (4, 8)], [-1, 0, 0, -1, 1, -1], [2, 3, 4, 5, 6, 7])
    assert found == [
        Span(2, 0, 0),
        Span(9, 0, 3),
        Span(14, 3, 3),
        Span(20, 4, 8),
        Span(27, 8, 8),
    ]


def test_what_cannot_be_heard_goes_with_the_word_before_it() -> None:
    found = spans("– one – two 😀 ", [(2, 5), (8, 11)], [0, 1], [3, 3])
    assert found == [Span(3, 0, 7), Span(6, 8, 13)]


def test_a_word_without_a_phoneme_is_heard_with_the_one_before_it() -> None:
    words = [(0, 1), (2, 3), (4, 5)]
    assert spans("a b c", words, [0, 2], [1, 1]) == [Span(1, 0, 3), Span(2, 4, 5)]
    assert spans("a b c", words, [1, 1], [1, 1]) == [Span(2, 0, 5)]
    # it has one, but not for long enough
    assert spans("a b c", words, [0, 1, 2], [1, 0, 1]) == [Span(1, 0, 3), Span(2, 4, 5)]


def test_phonemes_out_of_order_never_lead_back() -> None:
    found = spans("a b", [(0, 1), (2, 3)], [0, 1, 0, 1], [1, 1, 1, 1])
    assert [span.end_frame for span in found] == [3, 4]
    assert found[-1] == Span(4, 2, 3)


def test_a_text_without_words_is_heard_in_all_of_it() -> None:
    assert spans("?! ", [], [-1, -1], [1, 2]) == [Span(3, 0, 2)]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Hello there.", "en-US", [("Hello there.", "")]),
        (
            "Say 你好世界 now",
            "en-US",
            [("Say ", ""), ("你好世界 ", "cmn"), ("now", "")],
        ),
        ("东京", "en", [("东京", "cmn")]),
        ("東京タワーへ today", "en", [("東京タワーへ ", "ja"), ("today", "")]),
        ("東京タワーへ today", "ja", [("東京タワーへ today", "")]),
        ("Привет, hello", "ru-RU", [("Привет, hello", "")]),
        ("1, 2: Привет!", "en", [("1, 2: Привет!", "ru")]),
        ("π is 3.14, Ω too", "en", [("π is 3.14, Ω too", "")]),
        ("Καλημέρα, friend", "en", [("Καλημέρα, ", "el"), ("friend", "")]),
        ("안녕 אבג กขค", "en", [("안녕 ", "ko"), ("אבג ", "he"), ("กขค", "th")]),
        ("Größe, élan, ñ", "en", [("Größe, élan, ñ", "")]),
        ("123 !?", "en", [("123 !?", "")]),
        ("ᚠᚢᚦ runes", "en", [("ᚠᚢᚦ runes", "")]),
        ("", "en", []),
    ],
)
def test_a_text_is_parted_by_script(
    text: str, language: str, expected: list[tuple[str, str]]
) -> None:
    found = runs(text, language)
    assert [(run.text, run.language) for run in found] == expected
    assert "".join(run.text for run in found) == text
    assert all(text.startswith(run.text, run.start) for run in found)
