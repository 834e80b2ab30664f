import pytest

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.engines.whisper.tokens import longest_samples, most_tokens
from voice_agent.engines.whisper.window import MAX_SAMPLES

_HZ = ASR_SAMPLE_RATE_HZ


@pytest.mark.parametrize(
    ("language", "needed_per_s"),
    # counted on sentences that were read, and on a name spelled fast
    [("en", 4.4), ("en", 8), ("el", 8), ("ta", 12.6), ("hi", 15.5), ("te", 24), ("bn", 26)],
)
def test_a_language_may_have_the_tokens_that_it_needs(language: str, needed_per_s: float) -> None:
    for seconds in (1, 4, 10):
        assert most_tokens(seconds * _HZ, language) > 1.1 * needed_per_s * seconds


@pytest.mark.parametrize(("language", "needed_per_s"), [("ka", 35), ("my", 39), ("gu", 41)])
def test_the_densest_are_cut_into_pieces_that_fit(language: str, needed_per_s: float) -> None:
    longest = longest_samples(language)
    assert longest < 10 * _HZ
    assert most_tokens(longest, language) > 1.1 * needed_per_s * longest / _HZ


def test_a_loop_in_english_costs_a_fraction_of_all_tokens() -> None:
    assert most_tokens(2 * _HZ, "en") <= 36
    assert most_tokens(10 * _HZ, "en") <= 116


def test_languages_that_fit_are_not_cut() -> None:
    for language in ("en", "de", "es", "ru", "zh", "auto", "tlh"):
        assert longest_samples(language) == MAX_SAMPLES


def test_a_prompt_takes_its_tokens_from_the_text() -> None:
    prompt = (1,) * 224
    assert most_tokens(29 * _HZ, "ru", prompt) == 448 - 5 - 224
    assert longest_samples("ru", prompt) < MAX_SAMPLES
    assert longest_samples("my", prompt) >= 4 * _HZ


def test_what_was_cut_may_have_all_there_are() -> None:
    assert most_tokens(_HZ, "en", roomy=True) == 443
    assert most_tokens(_HZ, "en", (1, 2), roomy=True) == 441
