"""How many tokens a piece of audio may need, by language.

Whisper's tokens were made for text that is mostly English: there a second of speech has four or
five, in scripts that it has seen little of every letter is two or three. A cap on tokens is what
a loop costs at most, so it is as low as it can be without cutting off what was said.
"""

import math
from collections.abc import Sequence

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.engines.whisper.window import MAX_SAMPLES

_POSITIONS = 448  # of Whisper's text, with all that stands around it
_OTHER_TOKENS = 5  # four at the start, one at the end
# Spelled names and codes have more tokens a second than text: English ones 8 (two a letter)
_LEAST_PER_S = 10.0
_HEAD_ROOM = 1.7  # fast speech, names, other spellings
_PIECE_HEAD_ROOM = 1.3  # less: a piece that needs more after all is cut again
_ALWAYS_TOKENS = 16  # a word may be a long one
_SHORTEST_SAMPLES = 4 * ASR_SAMPLE_RATE_HZ

# Tokens of a second of speech where it has more than English (`tools/token_rates.py`, Whisper
# `base`, espeak-ng at 175 words a minute; el, ta, hi, te, bn, ka and my were also counted on
# read sentences, which had 4 to 35 % less: my is from there).
# fmt: off
_PER_S = {
    "am": 22.4, "ar": 6.3, "as": 18.4, "az": 6.2, "ba": 9.2, "be": 7.6, "bg": 7.0, "bn": 31.0,
    "bs": 6.0, "ca": 6.7, "cs": 7.0, "cy": 6.4, "el": 12.2, "fa": 8.7, "gu": 41.4, "haw": 8.7,
    "he": 8.3, "hi": 18.1, "hr": 6.6, "hu": 6.2, "hy": 16.9, "is": 6.5, "ka": 35.9, "kk": 8.1,
    "kn": 23.9, "lv": 7.2, "mi": 6.9, "mk": 9.1, "ml": 34.3, "mr": 19.6, "mt": 7.9, "my": 39.0,
    "ne": 18.4, "pa": 28.0, "pt": 6.0, "ru": 8.0, "sd": 10.0, "si": 27.1, "sk": 6.9, "sq": 6.8,
    "sr": 10.1, "ta": 16.9, "te": 27.3, "th": 10.5, "tk": 7.5, "tt": 9.1, "ur": 9.3, "uz": 6.0,
    "vi": 7.6, "yue": 6.7, "zh": 6.6,
    # without a voice of espeak-ng: by the tokens of a letter, beside a language of such a script
    "bo": 41.0, "ja": 7.0, "km": 28.0, "lo": 40.0, "ln": 9.0, "mn": 9.0, "ps": 9.3, "sa": 19.0,
    "tg": 9.0, "yi": 10.0, "yo": 10.0,
}
# fmt: on


def tokens_per_s(language: str) -> float:
    """Tokens of a second of ordinary speech; of one without an entry, as of European ones."""
    return _PER_S.get(language, _LEAST_PER_S / _HEAD_ROOM)


def most_tokens(
    n_samples: int, language: str, prompt: Sequence[int] = (), *, roomy: bool = False
) -> int:
    """How many tokens this much audio may have; `roomy`: as many as there are."""
    there_are = _POSITIONS - _OTHER_TOKENS - len(prompt)
    per_s = max(_LEAST_PER_S, _HEAD_ROOM * tokens_per_s(language))
    needed = _ALWAYS_TOKENS + math.ceil(per_s * n_samples / ASR_SAMPLE_RATE_HZ)
    return there_are if roomy else min(needed, there_are)


def longest_samples(language: str, prompt: Sequence[int] = ()) -> int:
    """Longest audio whose words fit into the tokens that there are."""
    there_are = _POSITIONS - _OTHER_TOKENS - len(prompt) - _ALWAYS_TOKENS
    fitting_s = there_are / (_PIECE_HEAD_ROOM * tokens_per_s(language))
    return min(MAX_SAMPLES, max(_SHORTEST_SAMPLES, round(fitting_s * ASR_SAMPLE_RATE_HZ)))
