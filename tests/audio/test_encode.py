"""Encoders: what comes out decodes to what went in, chunk by chunk."""

import io

import av
import numpy as np
import pytest
import soundfile as sf

from voice_agent.audio.encode import Encoding, finished_wav, open_encoder
from voice_agent.audio.g711 import mulaw_decode
from voice_agent.audio.pcm import int16_to_float
from voice_agent.engines.base import Samples

SOURCE_HZ = 22_050
SECONDS = 1.7
RATES_HZ = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
TONE_HZ = 440


def tone(rate_hz: int = SOURCE_HZ) -> Samples:
    t = np.arange(round(SECONDS * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * TONE_HZ * t)).astype(np.float32)


def encoded(encoding: Encoding, rate_hz: int, step: int = 3_001) -> list[bytes]:
    encoder = open_encoder(encoding, SOURCE_HZ, rate_hz)
    samples = tone()
    chunks = [encoder.encode(samples[at : at + step]) for at in range(0, len(samples), step)]
    return [*chunks, encoder.finish()]


def decoded(encoding: Encoding, data: bytes, rate_hz: int) -> tuple[Samples, int]:
    match encoding:
        case "pcm_f32le":
            return np.frombuffer(data, "<f4"), rate_hz
        case "pcm_s16le":
            return int16_to_float(np.frombuffer(data, "<i2")), rate_hz
        case "mulaw":
            return int16_to_float(mulaw_decode(data)), rate_hz
        case _:
            samples, file_hz = sf.read(io.BytesIO(data))
            return np.asarray(samples, np.float32), int(file_hz)


def pitch_hz(samples: Samples, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax()) * rate_hz / len(samples)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("encoding", ["pcm_f32le", "pcm_s16le", "mulaw", "wav", "mp3", "opus"])
def test_the_joined_chunks_are_the_tone_that_went_in(encoding: Encoding, rate_hz: int) -> None:
    samples, out_hz = decoded(encoding, b"".join(encoded(encoding, rate_hz)), rate_hz)
    assert pitch_hz(samples, out_hz) == pytest.approx(TONE_HZ, abs=1)
    assert 0.4 < np.abs(samples).max() < 0.6
    # one sample; MP3 has whole frames and one of start-up
    tolerance = 1.0 if encoding != "mp3" else 3 * 1152
    assert len(samples) == pytest.approx(SECONDS * out_hz, abs=tolerance)


@pytest.mark.parametrize("encoding", ["wav", "mp3", "opus"])
def test_a_second_reader_agrees(encoding: Encoding) -> None:
    with av.open(io.BytesIO(b"".join(encoded(encoding, 24_000))), "r") as container:
        frames = list(container.decode(audio=0))
    n_samples = sum(frame.samples for frame in frames)
    assert n_samples / frames[0].sample_rate == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("encoding", ["pcm_f32le", "pcm_s16le", "mulaw", "wav", "mp3", "opus"])
def test_how_the_input_is_cut_changes_nothing(encoding: Encoding) -> None:
    whole = b"".join(encoded(encoding, 16_000, step=1 << 20))
    cut = b"".join(encoded(encoding, 16_000, step=997))
    a, _ = decoded(encoding, whole, 16_000)
    b, _ = decoded(encoding, cut, 16_000)
    assert np.allclose(a, b, atol=0.02)


@pytest.mark.parametrize("encoding", ["pcm_f32le", "pcm_s16le", "mulaw", "wav", "mp3", "opus"])
def test_audio_comes_out_while_it_goes_in(encoding: Encoding) -> None:
    *chunks, tail = encoded(encoding, 24_000, step=SOURCE_HZ // 2)
    assert all(chunks)
    assert len(tail) < sum(map(len, chunks)) / 2


@pytest.mark.parametrize(
    ("encoding", "asked_hz", "given_hz"),
    [
        ("mp3", 47_000, 48_000),
        ("mp3", 9_000, 8_000),
        ("mp3", 23_000, 22_050),
        ("opus", 44_100, 48_000),
        ("opus", 22_050, 24_000),
        ("opus", 20_000, 24_000),
        ("opus", 8_001, 8_000),
        ("wav", 12_345, 12_345),
        ("mulaw", 8_001, 8_001),
    ],
)
def test_the_nearest_rate_that_the_format_has(
    encoding: Encoding, asked_hz: int, given_hz: int
) -> None:
    assert open_encoder(encoding, SOURCE_HZ, asked_hz).sample_rate_hz == given_hz


@pytest.mark.parametrize("rate_hz", [8_001, 11_111, 37_777, 47_999])
def test_odd_rates_are_exact_to_a_sample(rate_hz: int) -> None:
    data = b"".join(encoded("pcm_s16le", rate_hz))
    assert len(data) / 2 == pytest.approx(SECONDS * rate_hz, abs=1)


@pytest.mark.parametrize("encoding", ["pcm_s16le", "wav", "mulaw"])
def test_beyond_full_scale_is_full_scale(encoding: Encoding) -> None:
    encoder = open_encoder(encoding, 8_000, 8_000)
    data = encoder.encode(np.array([2, -2, 1, -1, 1.0001], np.float32)) + encoder.finish()
    samples, _ = decoded(encoding, data, 8_000)
    assert np.abs(samples).min() > 0.97
    assert list(np.sign(samples)) == [1, -1, 1, -1, 1]


def test_the_voice_band_survives_on_its_way_to_a_telephone() -> None:
    t = np.arange(SOURCE_HZ) / SOURCE_HZ
    for tone_hz, low, high in ((3_400, 0.45, 0.55), (5_000, 0, 0.001)):
        encoder = open_encoder("pcm_f32le", SOURCE_HZ, 8_000)
        wave = (0.5 * np.sin(2 * np.pi * tone_hz * t)).astype(np.float32)
        data = encoder.encode(wave) + encoder.finish()
        middle = np.frombuffer(data, "<f4")[2_000:-2_000]
        assert low <= np.abs(middle).max() <= high


def test_a_finished_wav_says_how_long_it_is() -> None:
    growing = b"".join(encoded("wav", 24_000))
    assert growing[4:8] == growing[40:44] == b"\xff\xff\xff\xff"
    finished = finished_wav(growing)
    assert int.from_bytes(finished[4:8], "little") == len(finished) - 8
    assert sf.info(io.BytesIO(finished)).frames == round(SECONDS * 24_000)
    assert finished[44:] == growing[44:]


@pytest.mark.parametrize("encoding", ["pcm_f32le", "pcm_s16le", "mulaw", "mp3", "opus"])
def test_no_samples_are_no_bytes(encoding: Encoding) -> None:
    encoder = open_encoder(encoding, SOURCE_HZ, 16_000)
    assert encoder.encode(np.zeros(0, np.float32)) + encoder.finish() == b""
    assert encoder.finish() == b""


@pytest.mark.parametrize("encoding", ["pcm_f32le", "pcm_s16le", "mulaw", "wav", "mp3", "opus"])
def test_an_encoder_may_be_dropped_in_the_middle(encoding: Encoding) -> None:
    encoder = open_encoder(encoding, SOURCE_HZ, 24_000)
    assert encoder.encode(tone())
    del encoder


def test_the_media_type_says_how_to_play_it() -> None:
    assert open_encoder("wav", SOURCE_HZ, 24_000).media_type == "audio/wav"
    assert open_encoder("mp3", SOURCE_HZ, 24_000).media_type == "audio/mpeg"
    assert open_encoder("opus", SOURCE_HZ, 24_000).media_type == "audio/ogg;codecs=opus"
    assert open_encoder("mulaw", SOURCE_HZ, 8_000).media_type == "audio/PCMU;rate=8000"
    pcm = open_encoder("pcm_s16le", SOURCE_HZ, 16_000).media_type
    assert pcm == "audio/pcm;rate=16000;encoding=s16le"
