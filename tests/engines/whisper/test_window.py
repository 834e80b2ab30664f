from itertools import pairwise

import numpy as np
import pytest

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.engines.whisper.window import FULL, FULL_FRAMES, MAX_SAMPLES, WindowRule, pieces

_HZ = ASR_SAMPLE_RATE_HZ
_NOISE = np.random.default_rng(0).normal(0, 0.1, 600 * _HZ).astype(np.float32)


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [
        (0, 1200),
        (10, 1200),
        (10.01, 1500),
        (13, 1500),
        (18, 2000),
        (23, 2500),
        (23.01, FULL_FRAMES),
        (29, FULL_FRAMES),
    ],
)
def test_a_window_is_the_audio_and_silence_but_not_shorter_than_is_safe(
    seconds: float, frames: int
) -> None:
    rule = WindowRule(least_s=12, after_s=2)
    assert rule.frames(round(seconds * _HZ)) == frames


def test_a_full_window_is_thirty_seconds_whatever_is_in_it() -> None:
    assert {FULL.frames(n * _HZ) for n in range(30)} == {FULL_FRAMES}


def audio(seconds: float, quiet_s: tuple[float, ...] = ()) -> Samples:
    """Noise with quiet spots of 0.3 s around these times."""
    samples = _NOISE[: round(seconds * _HZ)].copy()
    for at_s in quiet_s:
        samples[round((at_s - 0.15) * _HZ) : round((at_s + 0.15) * _HZ)] *= 0.01
    return samples


@pytest.mark.parametrize("seconds", [0, 0.05, 5, 29, 29.01, 30, 58.2, 65, 600])
def test_pieces_lose_nothing_and_fit_into_a_window(seconds: float) -> None:
    samples = audio(seconds)
    found = list(pieces(samples))
    assert np.array_equal(np.concatenate([piece for _, piece in found]), samples)
    assert all(len(piece) <= MAX_SAMPLES for _, piece in found)
    assert found[0][0] == 0
    assert all(b - a == len(piece) for (a, piece), (b, _) in pairwise(found))


def test_audio_that_fits_is_not_cut() -> None:
    assert len(list(pieces(audio(29)))) == 1
    assert len(list(pieces(audio(29.01)))) == 2


def test_audio_is_cut_where_it_is_quietest() -> None:
    (_, first), (second_start, second), (third_start, _) = pieces(
        audio(65, quiet_s=(10, 23.4, 50, 60))
    )
    assert abs(len(first) / _HZ - 23.4) <= 0.15
    assert second_start == len(first)
    assert abs(third_start / _HZ - 50) <= 0.15
    assert third_start == second_start + len(second)


def test_a_cut_is_in_the_middle_of_the_quiet_spot() -> None:
    samples = audio(40)
    samples[round(23.4 * _HZ) : round(23.5 * _HZ)] = 0
    assert len(next(pieces(samples))[1]) == round(23.45 * _HZ)


def test_no_piece_is_too_short_to_be_understood() -> None:
    for seconds, quiet_s in ((29.2, 28.9), (40, 28.9), (29.0001, 25)):
        assert all(len(p) >= _HZ for _, p in pieces(audio(seconds, quiet_s=(quiet_s,))))


def test_pieces_may_be_shorter_than_a_window() -> None:
    samples = audio(29, quiet_s=(6.2, 14.1, 21))
    found = list(pieces(samples, 8 * _HZ))
    assert np.array_equal(np.concatenate([piece for _, piece in found]), samples)
    assert all(len(piece) <= 8 * _HZ for _, piece in found)
    assert abs(len(found[0][1]) / _HZ - 6.2) <= 0.15


def test_a_stop_inside_of_a_word_is_not_taken_for_a_pause() -> None:
    samples = audio(40, quiet_s=(26,))
    samples[round(22.5 * _HZ) : round(22.6 * _HZ)] *= 0.01  # as quiet, but too short
    assert abs(len(next(pieces(samples))[1]) / _HZ - 26) <= 0.15
