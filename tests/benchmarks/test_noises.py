"""Made sounds: the same every time, and as loud as was asked."""

import numpy as np
import pytest

from benchmarks.noises import NOISES, at_level
from benchmarks.silence import made, told
from voice_agent.wire.asr import Final, SpeechStart


@pytest.mark.parametrize("name", NOISES)
def test_a_sound_is_the_same_every_time_and_lasts_as_long_as_asked(name: str) -> None:
    one, again = (NOISES[name](16_000 * 8, np.random.default_rng(5)) for _ in range(2))
    assert len(one) == 16_000 * 8
    assert one.dtype == np.float32
    assert np.array_equal(one, again)
    assert np.all(np.isfinite(one))
    assert np.std(one) > 0


def test_a_level_is_that_of_the_loud_part() -> None:
    quiet_half = np.concatenate([np.zeros(16_000), np.ones(16_000)]).astype(np.float32)
    loud = at_level(quiet_half, -20.0)
    assert abs(float(loud[-1]) - 0.1) < 1e-6


def test_a_noise_is_heard_at_three_levels() -> None:
    sound = made("white noise", 9.0)
    levels = [20 * np.log10(np.std(part)) for part in np.split(sound, 3)]
    assert np.allclose(levels, (-50, -38, -26), atol=1.5)


def test_only_finals_with_words_count() -> None:
    def final(text: str) -> Final:
        return Final(
            text=text, start=0, end=1, confidence=1, language="en", turn_complete=True,
            ended_by="silence", revised=0, words=[],
        )  # fmt: skip

    row = told([SpeechStart(timestamp=1.0), final(" "), final("Thank you.")], seconds=120)
    assert row == {"minutes": 2.0, "starts": 1, "finals": ["Thank you."]}
