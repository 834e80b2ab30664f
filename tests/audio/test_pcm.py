import numpy as np
import pytest

from voice_agent.audio import pcm
from voice_agent.audio.pcm import SampleFormat
from voice_agent.errors import BadAudio

EVERY_SAMPLE = np.arange(-32_768, 32_768).astype(np.int16)


def test_every_int16_survives_the_way_through_float():
    assert np.array_equal(pcm.float_to_int16(pcm.int16_to_float(EVERY_SAMPLE)), EVERY_SAMPLE)


def test_floats_beyond_full_scale_clip():
    loud = np.array([-2, -1, 1, 2, 0.5], np.float32)
    assert pcm.float_to_int16(loud).tolist() == [-32768, -32768, 32767, 32767, 16384]


@pytest.mark.parametrize("sample_format", [f for f in SampleFormat if "law" not in f])
def test_every_format_gives_the_same_loudness(sample_format: SampleFormat):
    half = {
        SampleFormat.U8: b"\xc0",
        SampleFormat.S16: b"\x00\x40",
        SampleFormat.S24: b"\x00\x00\x40",
        SampleFormat.S32: b"\x00\x00\x00\x40",
        SampleFormat.F32: np.array(0.5, "<f4").tobytes(),
        SampleFormat.F64: np.array(0.5, "<f8").tobytes(),
    }[sample_format]
    assert pcm.decode_units(half * 3, sample_format, 1).tolist() == [16384.0] * 3


def test_24_bit_keeps_its_sign():
    assert pcm.decode_units(b"\x00\xff\xff", SampleFormat.S24, 1).tolist() == [-1.0]


def test_channels_are_averaged():
    stereo = np.array([100, 200, -50, 50], "<i2").tobytes()
    assert pcm.decode_units(stereo, SampleFormat.S16, 2).tolist() == [150.0, 0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 101.0, 1e300])
def test_floats_that_are_no_audio_are_refused(value: float):
    with pytest.raises(BadAudio):
        pcm.decode_units(np.array([0, value], "<f8").tobytes(), SampleFormat.F64, 1)
