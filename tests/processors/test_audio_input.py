"""Audio of any rate and channels, as the engines take it; and processors that are given it."""

import numpy as np
import pytest
from pipecat.frames.frames import InputAudioRawFrame

from processors.audio_input import AudioInput
from processors.turn_detector import TurnDetector
from tests.processors.chain import chained
from tests.speech import SENTENCES, pause, speech
from voice_agent.audio.pcm import float_to_int16
from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import Samples
from voice_agent.engines.silero import SileroVad
from voice_agent.engines.smart_turn.engine import SmartTurn
from voice_agent.frames import SegmentEndFrame, SegmentStartFrame
from voice_agent.turns.turn import TurnRules


def frames(samples: Samples, rate_hz: int, channels: int) -> list[InputAudioRawFrame]:
    """16 kHz as frames of 20 ms of another format; the second channel is silent."""
    resampler = Resampler(16_000, rate_hz)
    pcm = float_to_int16(np.concatenate([resampler.push(samples), resampler.drain()]))
    if channels == 2:
        pcm = np.stack([pcm, np.zeros_like(pcm)], axis=1).reshape(-1)
    n_values = rate_hz // 50 * channels
    return [
        InputAudioRawFrame(pcm[at : at + n_values].tobytes(), rate_hz, channels)
        for at in range(0, len(pcm), n_values)
    ]


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (48_000, 2), (44_100, 1)])
def test_it_is_as_long_as_it_was_and_sounds_alike(rate_hz: int, channels: int) -> None:
    tone = 0.4 * np.sin(np.arange(16_000) * (2 * np.pi * 440 / 16_000)).astype(np.float32)
    audio = AudioInput()
    heard = np.concatenate([audio.samples(frame) for frame in frames(tone, rate_hz, channels)])
    assert 16_000 - len(heard) <= 64
    expected = float_to_int16(tone / np.float32(channels))[: len(heard)].astype(float)
    middle = slice(400, 15_000)
    assert np.abs(heard[middle] - expected[middle]).max() < 0.02 * 32_768


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reshape|buffer"):
        AudioInput().samples(InputAudioRawFrame(b"\0\0\0", 8_000, 1))


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (48_000, 2)])
async def test_the_detector_reports_the_times_that_a_caller_would(
    rate_hz: int, channels: int
) -> None:
    said = speech(SENTENCES[0])
    samples = np.concatenate([pause(0.5), said, pause(1.0)])
    vad, judge = SileroVad(), SmartTurn()
    await vad.load()
    await judge.load()
    try:
        detector = TurnDetector(session_id="a", vad=vad, judge=judge, rules=TurnRules())
        async with chained(detector) as chain:
            await chain.send(*frames(samples, rate_hz, channels))
            [start] = chain.down.of(SegmentStartFrame)
            [end] = chain.down.of(SegmentEndFrame)
            passed = chain.down.of(InputAudioRawFrame)
    finally:
        await vad.close()
        await judge.close()
    assert start.at_s == pytest.approx(0.5, abs=0.3)
    assert end.at_s - start.at_s == pytest.approx(len(said) / 16_000, abs=0.3)
    assert {(frame.sample_rate, frame.num_channels) for frame in passed} == {(16_000, 1)}
