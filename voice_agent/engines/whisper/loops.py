"""Phrases that come again and again: a model in a loop, or a caller who says it twice.

Both look the same in the text. What tells them apart is another decode in the full window
(`ladder`): what that says too was said. What comes five times is a loop in any case, and so
is what was not there to be heard.
"""

import math
import zlib
from collections.abc import Sequence

from voice_agent.engines.base import TimedWord

# People say "no no no no no" and read out "zero zero zero zero zero"; nobody says a phrase
# five times, or ten words that are all the same.
_LOOP_ROUNDS = 5
_LOOP_WORDS = 10
# A word said three times is no sign of a loop, nor two characters of Chinese said twice.
_SAID_AGAIN_WORDS = 2
_SAME_WORDS = 3
_SAID_AGAIN_SIGNS = 4
# Words that are put where nothing is heard any more get no time: spoken ones take 0.1 s or more
_SPOKEN_S = 0.05


def spelled(words: Sequence[TimedWord]) -> list[str]:
    """The words for comparing: lower case, no punctuation at the ends."""
    return [w.word.lower().strip(".,;:!?…\"'。、") for w in words]


def compression_ratio(text: str) -> float:
    """How far the text can be compressed; above 2.4 it repeats itself (as in Whisper)."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def again(words: Sequence[str], *, spaced: bool = True) -> slice | None:
    """Where a phrase is said again: from its second round to the end of the last.

    A phrase has two words or more (four where a word is a character); one word counts if it
    comes four times.
    """
    least = _SAID_AGAIN_WORDS if spaced else _SAID_AGAIN_SIGNS
    for length in range(1, len(words) // 2 + 1):
        more = max(least, length) if length > 1 else max(least, _SAME_WORDS)
        if (found := _run(words, length, length + more)) is not None:
            return found
    return None


def repeats(words: Sequence[str]) -> slice | None:
    """Where a loop goes on after its first round, until something else follows.

    A loop is a phrase that comes at least five times, or one word that comes at least ten
    times.
    """
    for length in range(1, len(words) // _LOOP_ROUNDS + 1):
        looped = length * max(_LOOP_ROUNDS, math.ceil(_LOOP_WORDS / length))
        if (found := _run(words, length, looped)) is not None:
            return found
    return None


def unspoken(words: Sequence[TimedWord]) -> bool:
    """Whether a phrase comes again where nothing was said: its words have no time."""
    found = again(spelled(words))
    if found is None:
        return False
    more = words[found]
    return sum(w.end_s - w.start_s for w in more) < _SPOKEN_S * len(more)


def _run(words: Sequence[str], length: int, least: int) -> slice | None:
    """The first run of at least `least` words in which each is what came `length` before."""
    start = 0
    while start <= len(words) - least:
        end = start + length
        while end < len(words) and words[end] == words[end - length]:
            end += 1
        if end - start >= least:
            return slice(start + length, end)
        start = end - length + 1
    return None
