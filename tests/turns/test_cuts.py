import numpy as np

from tests.turns.test_agreement import words
from voice_agent.engines.base import Samples
from voice_agent.turns.cuts import cut_between_words

_HZ = 16_000


def loud(seconds: float, *quiet_s: float) -> Samples:
    """Noise that is quiet for 80 ms around the times given."""
    samples = np.random.default_rng(3).normal(0, 0.1, int(seconds * _HZ)).astype(np.float32)
    for at_s in quiet_s:
        samples[int((at_s - 0.04) * _HZ) : int((at_s + 0.04) * _HZ)] *= 0.01
    return samples


def test_a_cut_inside_a_word_moves_to_the_quietest_boundary_in_reach() -> None:
    said = words("one two three four five six", each_s=0.5)
    assert abs(cut_between_words(loud(3.0, 1.53), 1.75, said) - 1.53) < 0.03


def test_a_quiet_spot_inside_a_word_is_no_boundary() -> None:
    said = words("one two three four five six", each_s=0.5)
    assert abs(cut_between_words(loud(3.0, 1.25, 2.05), 1.25, said) - 2.05) < 0.03


def test_a_cut_between_words_stays_where_it_is_wanted() -> None:
    said = [*words("one two"), *words("three four", start_s=2.0)]
    assert cut_between_words(loud(3.0, 1.3), 1.3, said) == 1.3


def test_without_words_the_detector_decides() -> None:
    assert cut_between_words(loud(3.0, 1.0), 1.4, []) == 1.4
    assert cut_between_words(loud(0.0), 1.4, []) == 1.4


def test_no_boundary_farther_than_a_second_is_taken() -> None:
    said = words("an extraordinarilylongword follows", each_s=4.0)
    assert cut_between_words(loud(12.0, 4.0), 6.0, said) == 6.0
