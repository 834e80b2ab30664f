"""Utterances of 2–5 s, cut from clips, and what models with random weights say of them."""

import random
from collections.abc import Sequence

from benchmarks.speech import Clip
from voice_agent.audio.pcm import int16_to_float
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

SCRIPT = "please open the window and close the door now thanks"
"""Ten tokens: about three a second of an utterance, as in fast speech."""
_SHORTEST_S, _LONGEST_S = 2.0, 5.0


def cut(clips: Sequence[Clip]) -> list[Samples]:
    """Clips of 2–5 s as they are, longer ones in pieces; what is left over goes.

    Raises:
        ValueError: No clip is long enough.
    """
    chance = random.Random(0)
    found: list[Samples] = []
    for clip in clips:
        samples = int16_to_float(clip.samples)
        while len(samples) >= _SHORTEST_S * ASR_SAMPLE_RATE_HZ:
            length = len(samples)
            if length > _LONGEST_S * ASR_SAMPLE_RATE_HZ:
                length = round(chance.uniform(_SHORTEST_S, _LONGEST_S) * ASR_SAMPLE_RATE_HZ)
            found.append(samples[:length])
            samples = samples[length:]
    if not found:
        raise ValueError(f"no clip is {_SHORTEST_S:g} s long")
    return found


def seconds(samples: Samples) -> float:
    """Length."""
    return len(samples) / ASR_SAMPLE_RATE_HZ
