"""Slower and faster at the same pitch."""

import numpy as np
import pytest

from voice_agent.audio.stretch import TimeStretch

RATE_HZ = 24_000


def stretched(sound: np.ndarray, speed: float, chunk: int) -> np.ndarray:
    stretch = TimeStretch(RATE_HZ, speed)
    pieces = [stretch.push(sound[at : at + chunk]) for at in range(0, len(sound), chunk)]
    return np.concatenate([*pieces, stretch.finish()])


def pitch_hz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax()) * RATE_HZ / len(sound)


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.0, 1.3, 2.0, 4.0])
def test_it_lasts_as_long_as_asked_and_keeps_its_pitch(speed: float) -> None:
    tone = np.sin(2 * np.pi * 220 * np.arange(2 * RATE_HZ) / RATE_HZ).astype(np.float32)
    result = stretched(tone, speed, 480)
    assert result.dtype == np.float32
    assert len(result) == pytest.approx(len(tone) / speed, abs=0.1 * RATE_HZ)
    assert pitch_hz(result) == pytest.approx(220, abs=1)
    middle = result[len(result) // 4 : len(result) // 2]
    assert float(np.sqrt(np.mean(middle**2))) == pytest.approx(np.sqrt(0.5), rel=0.05)


def test_how_it_is_cut_into_chunks_changes_nothing() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    assert np.allclose(stretched(noise, 1.4, 480), stretched(noise, 1.4, 7001), atol=1e-6)


def test_the_first_audio_comes_after_a_tenth_of_a_second() -> None:
    stretch = TimeStretch(RATE_HZ, 1.5)
    assert len(stretch.push(np.zeros(RATE_HZ // 10, np.float32)))


def test_something_very_short_comes_out_too() -> None:
    assert len(stretched(np.ones(2400, np.float32), 1.2, 480)) == pytest.approx(2000, abs=400)
