import numpy as np
import pytest

from voice_agent.audio.stream_decoder import StreamDecoder

_RAW = ("pcm_s16le", "pcm_f32le", "mulaw", "alaw")


def _frames(encoding: str) -> list[bytes]:
    noise = np.random.default_rng(1)
    match encoding:
        case "pcm_s16le":
            data = noise.integers(-9000, 9000, 4000, np.int16).tobytes()
        case "pcm_f32le":
            data = noise.uniform(-0.3, 0.3, 4000).astype(np.float32).tobytes()
        case _:
            data = noise.integers(0, 256, 4000, np.uint8).tobytes()
    return [data[first : first + 640] for first in range(0, len(data), 640)]


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
@pytest.mark.parametrize("encoding", _RAW)
async def test_a_frame_taken_at_once_gives_what_streaming_it_gives(
    encoding: str, rate_hz: int
) -> None:
    quick, slow = StreamDecoder(), StreamDecoder()
    for reader in (quick, slow):
        await reader.configure(sample_rate=rate_hz, encoding=encoding)  # pyright: ignore[reportArgumentType]
    for frame in _frames(encoding):
        taken = quick.take(frame)
        assert taken is not None
        np.testing.assert_array_equal(taken, await slow.feed(frame))


async def test_what_needs_care_is_left_to_streaming() -> None:
    reader = StreamDecoder()
    assert reader.take(b"\x01\x02") is None  # not detected yet
    await reader.configure(encoding="pcm_s16le")
    assert reader.take(b"\x01") is None
    assert reader.take(bytes(1 << 20)) is None
    assert reader.take(b"\x01\x02") is not None
