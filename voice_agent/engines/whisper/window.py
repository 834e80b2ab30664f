"""How much audio the model is shown at once.

Whisper was trained on windows of 30 s, and faster-whisper pads everything to that.
CTranslate2 takes any length up to it, and a short one costs a fraction: with `base` on one
core 0.1 s instead of 0.6 s for 12 s. Too short a window makes stock weights say a sentence
over and over; how short is safe is known by family (`families`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

FRAME_SAMPLES = 160
"""Samples of one mel frame (10 ms)."""
FULL_FRAMES = 3000
"""The window that Whisper was trained on, 30 s."""
MAX_SAMPLES = 29 * ASR_SAMPLE_RATE_HZ
"""Longest audio of one window; longer audio is cut (`pieces`)."""

# Jobs can share a batch if their windows are equally long, so there are few lengths.
_LENGTHS_S = (3, 5, 8, 10, 12, 15, 20, 25)
# of the longest piece: no piece is cut shorter than this part of it
_EARLIEST_CUT = 20 / 29
_CUT_SAMPLES = ASR_SAMPLE_RATE_HZ // 10
# Between words it is quiet for longer than inside of one: the quiet around a cut counts.
_AROUND_CUTS = 3
# on less the model tends to invent something
_SHORTEST_REST_SAMPLES = ASR_SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """How long windows are.

    Attributes:
        least_s: Shortest window.
        after_s: Silence that the model is shown after the audio, at least.
    """

    least_s: float
    after_s: float

    def frames(self, n_samples: int) -> int:
        """Frames of the window for this much audio (at most `MAX_SAMPLES`), rounded up."""
        needed_s = max(n_samples / ASR_SAMPLE_RATE_HZ + self.after_s, self.least_s)
        fitting = [length_s for length_s in _LENGTHS_S if length_s >= needed_s]
        return min(fitting) * 100 if fitting else FULL_FRAMES


FULL = WindowRule(least_s=30, after_s=1)
"""Always 30 s."""


def pieces(samples: Samples, longest_samples: int = MAX_SAMPLES) -> Iterator[tuple[int, Samples]]:
    """Cuts audio that is longer than a piece may be, where it is quietest.

    A piece is not shorter than two thirds of that; the last one has at least a second.

    Args:
        samples: All of the audio.
        longest_samples: Longest piece, at least three seconds.

    Yields:
        The position of a piece's first sample, and the piece.
    """
    start = 0
    while len(samples) - start > longest_samples:
        earliest = start + round(longest_samples * _EARLIEST_CUT)
        latest = min(start + longest_samples, len(samples) - _SHORTEST_REST_SAMPLES)
        end = earliest + _quietest(samples[earliest:latest])
        yield start, samples[start:end]
        start = end
    yield start, samples[start:]


def _quietest(samples: Samples) -> int:
    """Middle of the quietest 0.1 s; of equally quiet ones that with the most quiet around it."""
    n_cuts = len(samples) // _CUT_SAMPLES
    energies = np.square(samples[: n_cuts * _CUT_SAMPLES].reshape(n_cuts, -1)).mean(axis=1)
    around = np.pad(energies, _AROUND_CUTS // 2, mode="edge")
    around = np.convolve(around, np.full(_AROUND_CUTS, 1 / _AROUND_CUTS), mode="valid")
    return int(np.argmin(energies + around)) * _CUT_SAMPLES + _CUT_SAMPLES // 2
