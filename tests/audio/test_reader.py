from pathlib import Path

import numpy as np
import pytest
from media import encoded, error_db, interleaved, read, tones, wav

from voice_agent.audio import g711
from voice_agent.audio.pcm import float_to_int16
from voice_agent.audio.stream_decoder import StreamDecoder, decode_file
from voice_agent.errors import BadAudio, UnsupportedFormat

SOUND = float_to_int16(tones(1.0, 16_000))
FLOATS = tones(1.0, 16_000).astype("<f4").tobytes()


async def test_int16_passes_unchanged():
    reader = StreamDecoder()
    assert np.array_equal(await reader.feed(SOUND.tobytes()), SOUND)
    assert reader.encoding == "pcm_s16le"
    assert len(await reader.flush()) == 0


async def test_floats_are_detected_and_rounded():
    reader = StreamDecoder()
    assert np.array_equal(await reader.feed(FLOATS), SOUND)
    assert reader.encoding == "pcm_f32le"


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "mulaw", "alaw"])
async def test_every_rate_and_shape_is_heard_as_it_was_said(
    encoding: str, channels: int, rate_hz: int
):
    sound = interleaved(tones(1.0, rate_hz), channels).reshape(-1)
    data = {
        "pcm_s16le": lambda: float_to_int16(sound).tobytes(),
        "pcm_f32le": lambda: sound.astype("<f4").tobytes(),
        "mulaw": lambda: g711.mulaw_encode(float_to_int16(sound)),
        "alaw": lambda: g711.alaw_encode(float_to_int16(sound)),
    }[encoding]()
    shape = {"sample_rate": rate_hz, "channels": channels, "encoding": encoding}
    heard, error = await read(data, **shape)
    assert error is None
    assert len(heard) == 16_000
    assert error_db(heard[100:-100], tones(1.0, 16_000)[100:-100]) < -30
    pieces, _ = await read(data, 1_000, **shape)
    assert np.array_equal(pieces, heard)


async def test_a_frame_of_half_a_sample_is_dropped_and_nothing_else():
    reader = StreamDecoder()
    with pytest.raises(BadAudio):
        await reader.feed(SOUND.tobytes()[:641])
    assert len(await reader.feed(SOUND.tobytes())) == 16_000
    with pytest.raises(BadAudio):
        await reader.feed(b"\1")
    assert len(await reader.feed(SOUND.tobytes())) == 16_000
    await reader.configure(channels=2)
    with pytest.raises(BadAudio):
        await reader.feed(bytes(6))


@pytest.mark.parametrize("value", [np.nan, np.inf, 101.0])
async def test_floats_that_are_no_audio_are_dropped(value: float):
    reader = StreamDecoder()
    await reader.configure(encoding="pcm_f32le")
    with pytest.raises(BadAudio):
        await reader.feed(np.array([0.1, value], "<f4").tobytes())
    with pytest.raises(BadAudio):
        await reader.feed(FLOATS[:6])
    assert (await reader.feed(np.array([3, -3], "<f4").tobytes())).tolist() == [32767, -32768]


async def test_text_is_refused_each_time_and_audio_may_follow():
    reader = StreamDecoder()
    for _ in range(2):
        with pytest.raises(UnsupportedFormat):
            await reader.feed(b"hello, this is not audio at all\n")
    assert len(await reader.feed(SOUND.tobytes())) == 16_000


async def test_another_file_format_is_one_error():
    reader = StreamDecoder()
    with pytest.raises(UnsupportedFormat):
        await reader.feed(b"caff\0\1\0\0" + bytes(100))
    assert len(await reader.feed(SOUND.tobytes())) == 0
    assert len(await reader.feed(wav())) == 16_000


@pytest.mark.parametrize(("sound", "n_samples"), [(SOUND.tobytes(), 16_000), (FLOATS, 16_000)])
async def test_leading_silence_keeps_the_times_of_both_encodings(sound: bytes, n_samples: int):
    silence_s, width = 2, len(sound) // n_samples
    reader = StreamDecoder()
    n_heard = 0
    for _ in range(silence_s * 50):
        n_heard += len(await reader.feed(bytes(320 * width)))
        assert reader.encoding == "auto"
    assert n_heard >= silence_s * 8_000
    n_heard += len(await reader.feed(sound))
    assert n_heard == silence_s * 16_000 + n_samples
    assert reader.encoding != "auto"


async def test_long_silence_is_counted_as_int16():
    reader = StreamDecoder()
    n_heard = 0
    for _ in range(20):
        n_heard += len(await reader.feed(bytes(32_000)))
    assert n_heard == 20 * 16_000
    assert len(await reader.feed(SOUND.tobytes())) == 16_000


async def test_silence_alone_is_paid_at_the_end():
    heard, error = await read(bytes(3_200))
    assert error is None
    assert len(heard) == 1_600


async def test_configure_returns_the_tail_and_applies_from_the_next_sample():
    reader = StreamDecoder()
    await reader.configure(sample_rate=8_000)
    half = float_to_int16(tones(0.5, 8_000)).tobytes()
    first = len(await reader.feed(half))
    assert first + len(await reader.configure(sample_rate=48_000)) == 8_000
    data = float_to_int16(tones(0.5, 48_000)).tobytes()
    assert len(await reader.feed(data)) + len(await reader.flush()) == 8_000
    assert len(await reader.configure(sample_rate=48_000)) == 0


async def test_configure_opens_the_detection_again():
    reader = StreamDecoder()
    await reader.feed(FLOATS)
    await reader.configure(encoding="auto")
    assert reader.encoding == "auto"
    assert np.array_equal(await reader.feed(SOUND.tobytes()), SOUND)


async def test_configure_with_nothing_new_leaves_a_container_alone():
    data = encoded("ogg-opus-live", 1.0)
    reader = StreamDecoder()
    n_heard = len(await reader.feed(data[:3_000]))
    n_heard += len(await reader.configure(sample_rate=8_000, channels=2, encoding="auto"))
    n_heard += len(await reader.feed(data[3_000:])) + len(await reader.flush())
    assert n_heard == 16_000


async def test_an_impossible_shape_changes_nothing():
    reader = StreamDecoder()
    with pytest.raises(UnsupportedFormat):
        await reader.configure(sample_rate=7)
    assert len(await reader.feed(SOUND.tobytes())) == 16_000


async def test_drain_gives_the_resamplers_rest_and_moves_nothing():
    reader = StreamDecoder()
    await reader.configure(sample_rate=8_000, encoding="pcm_s16le")
    data = float_to_int16(tones(1.0, 8_000)).tobytes()
    n_heard = len(await reader.feed(data[:8_000])) + len(await reader.drain())
    assert n_heard == 8_000
    n_heard += len(await reader.feed(data[8_000:])) + len(await reader.flush())
    assert n_heard == 16_000


async def test_drain_does_not_end_a_container():
    data = encoded("webm", 1.0)
    reader = StreamDecoder()
    n_heard = len(await reader.feed(data[:5_000])) + len(await reader.drain())
    assert reader.container == "matroska"
    n_heard += len(await reader.feed(data[5_000:])) + len(await reader.flush())
    assert abs(n_heard - 16_000) <= 1


async def test_after_a_containers_end_the_next_is_detected():
    reader = StreamDecoder()
    for name in ("flac", "webm", "ogg-opus"):
        n_heard = len(await reader.feed(encoded(name))) + len(await reader.flush())
        assert abs(n_heard - 16_000) <= 1
        assert reader.encoding == "auto"
    assert len(await reader.feed(SOUND.tobytes())) == 16_000
    assert reader.container is None


async def test_a_broken_container_is_one_error():
    reader = StreamDecoder()
    with pytest.raises(BadAudio):
        await reader.feed(b"RIFF\0\0\0\0WAVE" + b"\xff" * 100)
    for _ in range(3):
        assert len(await reader.feed(SOUND.tobytes())) == 0
    assert abs(len(await reader.feed(encoded("flac"))) + len(await reader.flush()) - 16_000) <= 1


async def test_configure_ends_the_dropping_after_a_broken_container():
    reader = StreamDecoder()
    with pytest.raises(BadAudio):
        await reader.feed(b"RIFF\0\0\0\0WAVE" + b"\xff" * 100)
    await reader.configure(sample_rate=16_000)
    assert len(await reader.feed(SOUND.tobytes())) == 16_000


async def test_where_a_container_must_be_samples_are_refused_once():
    reader = StreamDecoder()
    await reader.configure(encoding="container")
    with pytest.raises(BadAudio):
        await reader.feed(SOUND.tobytes())
    assert len(await reader.feed(SOUND.tobytes())) == 0
    assert len(await reader.feed(wav())) == 16_000
    assert reader.encoding == "container"


async def test_a_closed_reader_can_be_closed_again():
    reader = StreamDecoder()
    await reader.feed(encoded("ogg-opus")[:1_000])
    await reader.close()
    await reader.close()


async def test_a_file_is_decoded_in_pieces(tmp_path: Path):
    path = tmp_path / "speech.wav"
    path.write_bytes(encoded("mp3", 3.0))  # the content decides, not the name
    pieces = [piece async for piece in decode_file(path)]
    assert len(pieces) > 2
    assert abs(sum(map(len, pieces)) - 48_000) < 200
