"""Loudness as BS.1770-4 counts it."""

import numpy as np
import pytest

from voice_agent.voices.loudness import TARGET_LUFS, at_target, loudness_lufs


def sine(hz: float, dbfs: float, seconds: float, rate_hz: int) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100, 48_000])
def test_a_full_scale_sine_is_where_the_standard_puts_it(rate_hz: int) -> None:
    assert loudness_lufs(sine(997, 0, 3, rate_hz), rate_hz) == pytest.approx(-3.01, abs=0.06)
    assert loudness_lufs(sine(997, -20, 3, rate_hz), rate_hz) == pytest.approx(-23.01, abs=0.06)


def test_the_ear_hears_little_of_a_rumble_and_more_of_high_tones() -> None:
    middle = loudness_lufs(sine(997, -20, 3, 48_000), 48_000)
    assert loudness_lufs(sine(25, -20, 3, 48_000), 48_000) < middle - 9
    assert loudness_lufs(sine(4000, -20, 3, 48_000), 48_000) == pytest.approx(middle + 3.3, abs=0.3)


def test_pauses_do_not_count() -> None:
    speech = sine(997, -20, 2, 24_000)
    slow = np.concatenate([speech, np.zeros(72_000, np.float32), speech])
    assert loudness_lufs(slow, 24_000) == pytest.approx(loudness_lufs(speech, 24_000), abs=0.6)


def test_silence_has_none() -> None:
    assert loudness_lufs(np.zeros(24_000, np.float32), 24_000) == -np.inf


@pytest.mark.parametrize("dbfs", [-48, -30, -6])
def test_a_clip_is_brought_to_the_target(dbfs: float) -> None:
    clip = at_target(sine(500, dbfs, 2, 24_000), 24_000)
    assert loudness_lufs(clip, 24_000) == pytest.approx(TARGET_LUFS, abs=0.01)


def test_a_peak_lowers_the_whole_clip_and_is_not_cut() -> None:
    clip = sine(500, -60, 2, 24_000)
    clip[24_000] = 0.5
    louder = at_target(clip, 24_000)
    assert np.abs(louder).max() == pytest.approx(10 ** (-1 / 20), abs=1e-4)
    assert louder[1000] / clip[1000] == pytest.approx(louder[24_000] / 0.5, rel=1e-4)
