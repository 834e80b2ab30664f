"""Audio is marked piece by piece as if in one, and nothing is heard of it."""

import numpy as np
import pytest

from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.watermark import MarkedStream, Watermarker

_RATE_HZ = 24_000


@pytest.fixture(scope="module")
def watermarker() -> Watermarker:
    return Watermarker()


@pytest.fixture(scope="module")
def voice() -> Samples:
    """Six seconds with the pitch and the loudness of a voice."""
    at = np.arange(6 * _RATE_HZ) / _RATE_HZ
    pitch = np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * at)) / _RATE_HZ
    sound = sum(np.sin(2 * np.pi * k * pitch) / k for k in range(1, 20))
    sound = 0.2 * sound * (0.3 + 0.3 * np.sin(2 * np.pi * 3 * at) ** 2)
    noise = np.random.default_rng(0).standard_normal(len(at))
    return (sound + 0.002 * noise).astype(np.float32)


def in_pieces(watermarker: Watermarker, samples: Samples, n_samples: int) -> Samples:
    stream, said = MarkedStream(watermarker), []
    for at in range(0, len(samples), n_samples):
        piece = samples[at : at + n_samples]
        said.append(stream.push(piece, last=at + n_samples >= len(samples)))
    return np.concatenate(said)


def test_marked_pieces_are_as_long_as_they_were_and_have_the_mark(
    watermarker: Watermarker, voice: Samples
) -> None:
    marked = in_pieces(watermarker, voice, _RATE_HZ)
    assert len(marked) == len(voice)
    assert marked.dtype == np.float32
    assert watermarker.confidence(marked) > 0.9
    assert watermarker.confidence(voice) < 0.3


def test_no_tick_is_added_where_pieces_meet(watermarker: Watermarker, voice: Samples) -> None:
    n_samples = 2 * _RATE_HZ // 5
    ours = in_pieces(watermarker, voice, n_samples)
    apart = np.concatenate(
        [watermarker.mark(voice[at : at + n_samples]) for at in range(0, len(voice), n_samples)]
    )
    joins = np.arange(n_samples, len(voice), n_samples)

    def added(marked: Samples) -> float:
        """How much larger steps between samples are than before, around joins."""
        steps = np.abs(np.diff(marked)) - np.abs(np.diff(voice))
        return float(np.mean([steps[at - 12 : at + 12].max() for at in joins]))

    def elsewhere(marked: Samples) -> float:
        steps = np.abs(np.diff(marked)) - np.abs(np.diff(voice))
        places = joins[:-1] + n_samples // 2
        return float(np.mean([steps[at - 12 : at + 12].max() for at in places]))

    assert added(ours) < 1.5 * elsewhere(ours) + 1e-3
    assert added(apart) > 1.5 * added(ours)


def test_a_stream_shorter_than_the_watermark_can_see_passes(watermarker: Watermarker) -> None:
    short = np.ones(300, np.float32)
    assert len(MarkedStream(watermarker).push(short, last=True)) == 300


def test_what_was_held_comes_with_an_empty_last_piece(
    watermarker: Watermarker, voice: Samples
) -> None:
    stream = MarkedStream(watermarker)
    first = stream.push(voice[:4800], last=False)
    rest = stream.push(voice[:0], last=True)
    assert len(first) + len(rest) == 4800
