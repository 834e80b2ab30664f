"""How many tokens a piece of audio may need, by language.

Whisper's tokens were made for text that is mostly English: there a second of speech has four or
five, in scripts that it has seen little of every letter is two or three. A cap on tokens is what
a loop costs at most, so it is as low as it can be without cutting off what was said.
"""

import math
from collections.abc import Sequence

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.engines.whisper.window import MAX_SAMPLES

_POSITIONS = 448  # of Whisper's text, the start tokens and the prompt included
_START_TOKENS = 4
# Spelled names and codes have more tokens a second than text: English ones 8 (two a letter)
_LEAST_PER_S = 10.0
_HEAD_ROOM = 1.7  # fast speech, names, other spellings
_ALWAYS_TOKENS = 16  # a word may be a long one
_SHORTEST_SAMPLES = 4 * ASR_SAMPLE_RATE_HZ

_PER_S = {"el": 8.0, "ta": 12.6, "hi": 15.5, "te": 24.0, "bn": 26.0, "ka": 35.0, "my": 39.0}
_DENSEST_PER_S = max(_PER_S.values())


def tokens_per_s(language: str) -> float:
    """Tokens of a second of ordinary speech."""
    return _PER_S.get(language, _LEAST_PER_S / _HEAD_ROOM)


def most_tokens(
    n_samples: int, language: str, prompt: Sequence[int] = (), *, roomy: bool = False
) -> int:
    """How many tokens this much audio may have; `roomy`: as many as there are."""
    there_are = _POSITIONS - _START_TOKENS - len(prompt)
    per_s = max(_LEAST_PER_S, _HEAD_ROOM * tokens_per_s(language))
    needed = _ALWAYS_TOKENS + math.ceil(per_s * n_samples / ASR_SAMPLE_RATE_HZ)
    return there_are if roomy else min(needed, there_are)


def longest_samples(language: str, prompt: Sequence[int] = ()) -> int:
    """Longest audio whose words fit into the tokens that there are."""
    there_are = _POSITIONS - _START_TOKENS - len(prompt) - _ALWAYS_TOKENS
    fitting_s = there_are / (_HEAD_ROOM * tokens_per_s(language))
    return min(MAX_SAMPLES, max(_SHORTEST_SAMPLES, round(fitting_s * ASR_SAMPLE_RATE_HZ)))
