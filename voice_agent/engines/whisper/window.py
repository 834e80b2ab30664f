"""How much audio the model is shown at once.

Whisper was trained on windows of 30 s, and faster-whisper pads everything to that.
CTranslate2 takes any length up to it, and a short one costs a fraction: 7 ms instead of
145 ms for 3 s of speech with the tiny model on one core. Stock weights may lose accuracy on
short windows, so the length is a setting for each kind of job; `voice-agent eval-window`
measures the difference.
"""

from collections.abc import Iterator

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

FRAME_SAMPLES = 160
"""Samples of one mel frame (10 ms)."""
FULL_FRAMES = 3000
"""The window that Whisper was trained on, 30 s."""
MAX_SAMPLES = 29 * ASR_SAMPLE_RATE_HZ
"""Longest audio of one window; longer audio is cut (`pieces`)."""

# Jobs can share a batch if their windows are equally long, so there are few lengths.
_BUCKETS_S = (3, 5, 8, 12, 16, 20, 25)
# the model needs to hear that the speech has ended
_PAD_SAMPLES = ASR_SAMPLE_RATE_HZ
_EARLIEST_CUT_SAMPLES = 20 * ASR_SAMPLE_RATE_HZ
_CUT_SAMPLES = ASR_SAMPLE_RATE_HZ // 10
# on less the model tends to invent something
_SHORTEST_REST_SAMPLES = ASR_SAMPLE_RATE_HZ


def window_frames(n_samples: int, *, short: bool, floor_s: float = 0.0) -> int:
    """Frames of the window for this much audio.

    Args:
        n_samples: Length of the audio, at most `MAX_SAMPLES`.
        short: The audio and a second of silence, rounded up; else the full 30 s.
        floor_s: Shortest window; stock weights tend to loop on less than about 3 s.
    """
    if not short:
        return FULL_FRAMES
    needed_s = max((n_samples + _PAD_SAMPLES) / ASR_SAMPLE_RATE_HZ, floor_s)
    fitting = [bucket_s for bucket_s in _BUCKETS_S if bucket_s >= needed_s]
    return min(fitting) * 100 if fitting else FULL_FRAMES


def pieces(samples: Samples) -> Iterator[tuple[int, Samples]]:
    """Cuts audio that is longer than a window, at the quietest 0.1 s between 20 and 29 s.

    The last piece has at least a second.

    Yields:
        The position of a piece's first sample, and the piece.
    """
    start = 0
    while len(samples) - start > MAX_SAMPLES:
        earliest = start + _EARLIEST_CUT_SAMPLES
        latest = min(start + MAX_SAMPLES, len(samples) - _SHORTEST_REST_SAMPLES)
        end = earliest + _quietest(samples[earliest:latest])
        yield start, samples[start:end]
        start = end
    yield start, samples[start:]


def _quietest(samples: Samples) -> int:
    """Middle of the quietest 0.1 s."""
    n_cuts = len(samples) // _CUT_SAMPLES
    energies = np.square(samples[: n_cuts * _CUT_SAMPLES].reshape(n_cuts, -1)).mean(axis=1)
    return int(np.argmin(energies)) * _CUT_SAMPLES + _CUT_SAMPLES // 2
