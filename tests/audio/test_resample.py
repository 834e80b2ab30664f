from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media import tones
from numpy.typing import NDArray

from voice_agent.audio.resample import Resampler

RATES_HZ = [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 47_999, 48_000, 96_000, 192_000]


def through(samples: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate((resampler.push(samples), resampler.drain()))


@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_sound_keeps_its_shape_and_its_place(from_hz: int):
    heard, said = through(tones(1.0, from_hz), from_hz, 16_000), tones(1.0, 16_000)
    middle = slice(200, -200)
    assert np.abs(heard[: len(said)] - said)[middle].max() < 1e-3


@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_samples_are_counted_exactly(from_hz: int):
    for n_samples in (0, 1, 7, 160, from_hz + 1):
        heard = through(np.ones(n_samples, np.float32), from_hz, 16_000)
        assert len(heard) == ceil(n_samples * 16_000 / from_hz)


@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_the_lag_is_small_and_constant(from_hz: int):
    resampler = Resampler(from_hz, 16_000)
    n_in = n_out = 0
    for _ in range(50):
        n_in += from_hz // 50
        n_out += len(resampler.push(np.zeros(from_hz // 50, np.float32)))
        lag_s = n_in / from_hz - n_out / 16_000
        assert abs(lag_s - resampler.lag_s) < 1e-4
    assert resampler.lag_s <= 0.0026


def test_what_is_above_the_new_nyquist_frequency_does_not_fold_back():
    hiss = np.sin(2 * np.pi * 9_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(through(hiss, 48_000, 16_000)[200:-200]).max() < 1e-3


@settings(max_examples=60, deadline=None)
@given(
    from_hz=st.sampled_from(RATES_HZ),
    cuts=st.lists(st.integers(0, 3_000), max_size=12),
)
def test_how_the_input_is_cut_changes_nothing(from_hz: int, cuts: list[int]):
    sound = tones(0.1, from_hz)
    resampler = Resampler(from_hz, 16_000)
    pieces = [resampler.push(piece) for piece in np.split(sound, sorted(cuts))]
    heard = np.concatenate((*pieces, resampler.drain()))
    assert np.allclose(heard, through(sound, from_hz, 16_000), atol=1e-6)


@pytest.mark.parametrize("from_hz", [8_000, 44_100, 192_000])
def test_a_drain_in_the_middle_moves_nothing(from_hz: int):
    sound = tones(0.5, from_hz)
    resampler = Resampler(from_hz, 16_000)
    cut = from_hz // 4
    pieces = [resampler.push(sound[:cut]), resampler.drain(), resampler.drain()]
    assert sum(map(len, pieces)) == 4_000
    heard = np.concatenate((*pieces, resampler.push(sound[cut:]), resampler.drain()))
    assert len(heard) == 8_000
    assert np.allclose(heard[4_050:], through(sound, from_hz, 16_000)[4_050:], atol=1e-6)


def test_upwards_works_too():
    heard, said = through(tones(0.5, 16_000), 16_000, 48_000), tones(0.5, 48_000)
    assert np.abs(heard - said)[600:-600].max() < 1e-3


def test_reset_begins_a_new_stream():
    resampler = Resampler(8_000, 16_000)
    resampler.push(tones(0.1, 8_000))
    resampler.reset()
    assert np.array_equal(
        resampler.push(tones(0.1, 8_000)), Resampler(8_000, 16_000).push(tones(0.1, 8_000))
    )
