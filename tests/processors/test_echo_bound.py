"""What comes in faster than it can be played."""

import pytest
from pipecat.frames.frames import InputAudioRawFrame

from processors.echo import Echo
from tests.processors.chain import chained
from voice_agent.frames import SpokenAudioFrame

_RATE_HZ = 16_000
_FRAME_S = 0.02


async def played_s(n_frames: int, **options: float) -> float:
    """How much of so many frames, all at one moment, comes back."""
    echo = Echo(sample_rate_hz=_RATE_HZ, clock=lambda: 7.0, **options)
    frame = bytes(2 * round(_RATE_HZ * _FRAME_S))
    async with chained(echo) as chain:
        await chain.send(*(InputAudioRawFrame(frame, _RATE_HZ, 1) for _ in range(n_frames)))
        return sum(len(spoken.audio) for spoken in chain.down.of(SpokenAudioFrame)) / 2 / _RATE_HZ


async def test_what_is_too_much_ahead_is_dropped_and_all_else_comes_back() -> None:
    assert await played_s(40, max_ahead_s=1.0) == pytest.approx(0.8)
    assert await played_s(100, max_ahead_s=1.0) == pytest.approx(1.0, abs=_FRAME_S)


async def test_without_a_bound_everything_comes_back() -> None:
    assert await played_s(100) == pytest.approx(2.0)
