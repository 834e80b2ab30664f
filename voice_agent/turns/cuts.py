"""Where a turn that is too long is cut: between two words, where it is quietest."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples, TimedWord

_HZ = ASR_SAMPLE_RATE_HZ
# How far from the wanted spot a boundary of words may lie: the part before it stays within
# the 30 s that Whisper sees (25 s and this).
_REACH_S = 1.0
# how far from a boundary the quiet lies that belongs to it: word times are that exact
_AROUND_S = 0.15
# a stop consonant is shorter, a pause between words longer
_QUIET_SAMPLES = int(0.06 * _HZ)
_STEP_SAMPLES = int(0.01 * _HZ)
# a spot this far inside a word cuts it
_INSIDE_S = 0.05


def cut_between_words(samples: Samples, wanted_s: float, words: Sequence[TimedWord]) -> float:
    """`wanted_s`, or if that lies in a word the quietest 60 ms at a boundary near it.

    Args:
        samples: The turn's audio.
        wanted_s: Where the detector found the least speech.
        words: Words whose times are known, in order; the clock of `samples`.
    """
    spots = [(one.end_s + other.start_s) / 2 for one, other in pairwise(words)]
    found = [_quietest(samples, spot) for spot in spots if abs(spot - wanted_s) <= _REACH_S]
    cuts_a_word = any(
        word.start_s + _INSIDE_S < wanted_s < word.end_s - _INSIDE_S for word in words
    )
    if not cuts_a_word or not found:
        return wanted_s
    return min(found, key=lambda spot: spot[0])[1]


def _quietest(samples: Samples, around_s: float) -> tuple[float, float]:
    """Mean square and middle of the quietest stretch around a spot."""
    first = max(0, int((around_s - _AROUND_S) * _HZ))
    last = min(len(samples), int((around_s + _AROUND_S) * _HZ)) - _QUIET_SAMPLES
    if last < first:
        return float("inf"), around_s
    starts = range(first, last + 1, _STEP_SAMPLES)
    power = [float(np.mean(np.square(samples[at : at + _QUIET_SAMPLES]))) for at in starts]
    best = int(np.argmin(power))
    return power[best], (starts[best] + _QUIET_SAMPLES // 2) / _HZ
