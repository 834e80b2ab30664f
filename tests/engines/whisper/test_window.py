from itertools import pairwise

import numpy as np
import pytest

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.engines.whisper.window import FULL_FRAMES, MAX_SAMPLES, pieces, window_frames

_HZ = ASR_SAMPLE_RATE_HZ
_NOISE = np.random.default_rng(0).normal(0, 0.1, 600 * _HZ).astype(np.float32)


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [
        (0, 300),
        (2, 300),
        (2.01, 500),
        (4, 500),
        (7, 800),
        (10, 1200),
        (15, 1600),
        (19, 2000),
        (24, 2500),
        (24.01, FULL_FRAMES),
        (29, FULL_FRAMES),
    ],
)
def test_a_short_window_is_the_audio_and_a_second_rounded_up(seconds: float, frames: int) -> None:
    assert window_frames(round(seconds * _HZ), short=True) == frames


def test_a_window_is_never_shorter_than_its_floor() -> None:
    assert window_frames(_HZ, short=True, floor_s=5) == 500
    assert window_frames(_HZ, short=True, floor_s=6) == 800
    assert window_frames(_HZ, short=True, floor_s=30) == FULL_FRAMES
    assert window_frames(11 * _HZ, short=True, floor_s=5) == 1200


def test_a_full_window_is_thirty_seconds_whatever_is_in_it() -> None:
    assert {window_frames(n * _HZ, short=False) for n in range(30)} == {FULL_FRAMES}


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
