import numpy as np
import pytest

from tests.key_tones import keys_in
from tests.speech import speech
from voice_agent.audio.dtmf import KEYS, are_key, tones
from voice_agent.audio.g711 import mulaw_decode, mulaw_encode
from voice_agent.audio.pcm import float_to_int16

ALL = "1234567890*#ABCD"


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
def test_every_key_is_heard_as_itself(rate_hz: int) -> None:
    assert sorted(KEYS) == sorted(ALL)
    assert keys_in(tones(ALL, rate_hz), rate_hz) == ALL


def test_the_same_key_again_is_heard_again() -> None:
    assert keys_in(tones("4411w1", 8_000), 8_000) == "44111"


def test_keys_survive_the_telephone() -> None:
    line = mulaw_decode(mulaw_encode(float_to_int16(tones(ALL, 8_000))))
    noise = np.random.default_rng(2).normal(0, 0.01, len(line)).astype(np.float32)
    assert keys_in(line.astype(np.float32) / np.float32(32_768) + noise, 8_000) == ALL


def test_the_ear_of_the_tests_hears_no_keys_in_speech() -> None:
    assert keys_in(speech("please open the window and close the door"), 16_000) == ""


@pytest.mark.parametrize("key", ALL)
def test_a_window_of_a_key_is_known_as_one(key: str) -> None:
    line = mulaw_decode(mulaw_encode(float_to_int16(tones(key, 16_000))))
    noise = np.random.default_rng(2).normal(0, 0.01, len(line)).astype(np.float32)
    heard = line.astype(np.float32) / np.float32(32_768) + noise
    assert are_key(heard[256:768], 16_000)
    assert not are_key(heard[2400:2912], 16_000)  # the gap behind it


def test_no_window_of_speech_is_a_key_nor_is_a_single_tone_or_silence() -> None:
    said = speech("please open the window and close the door")
    assert not any(are_key(said[at : at + 512], 16_000) for at in range(0, len(said) - 512, 128))
    assert not are_key(np.zeros(512, np.float32), 16_000)
    sine = np.sin(2 * np.pi * 770 * np.arange(512) / 16_000).astype(np.float32)
    assert not are_key(sine, 16_000)


def test_frequencies_and_levels_are_those_of_the_standards() -> None:
    tone = tones("5", 8_000)[:800]
    spectrum = np.abs(np.fft.rfft(tone[16:-16] * np.hanning(768), 80_000)) / (768 / 4)
    peaks = [int(spectrum[:10_000].argmax()) / 10, int(spectrum[10_000:].argmax()) / 10 + 1000]
    # Q.23: within 1.8 %
    assert peaks == pytest.approx([770, 1336], rel=0.005)
    # of the telephone network's milliwatt, in which a full sine has 3.17 dB
    dbm0 = [3.17 + 20 * np.log10(spectrum[round(hz * 10)]) for hz in peaks]
    assert dbm0 == pytest.approx([-8.8, -6.8], abs=0.3)
    assert np.abs(tone).max() < 0.6


def test_pauses_are_as_long_as_twilio_has_them() -> None:
    assert len(tones("1w1W", 8_000)) == round((0.2 + 0.5 + 0.2 + 1.0) * 8_000)
    assert len(tones("", 8_000)) == 0


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="keys are"):
        tones("1-2", 8_000)
