"""Times of words, from the alignment of tokens and audio."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from voice_agent.engines.base import TimedWord

# marks that belong to the word after them; all others belong to the one before
_OPENING = "\"'“¿([{-"
# A pause is given to the word beside it. A word longer than twice the median, or than this,
# has swallowed one.
_LONGEST_S = 0.9
_SHORTEST_LIMIT_S = 0.5


@dataclass(slots=True)
class _Span:
    text: str
    start_s: float
    end_s: float
    probability: float


def timed_words(alignment: Sequence[dict[str, Any]], audio_s: float) -> tuple[TimedWord, ...]:
    """Words in order, not overlapping, within the audio.

    Args:
        alignment: What `WhisperModel.find_alignment` returns for one piece of audio.
        audio_s: Length of the audio.
    """
    spans = [
        _Span(
            entry["word"], float(entry["start"]), float(entry["end"]), float(entry["probability"])
        )
        for entry in alignment
    ]
    spans = _with_punctuation(spans)
    durations = [span.end_s - span.start_s for span in spans if span.end_s > span.start_s]
    limit_s = min(_LONGEST_S, max(2 * median(durations), _SHORTEST_LIMIT_S)) if durations else 0.0
    words: list[TimedWord] = []
    cursor_s = 0.0
    for index, span in enumerate(spans):
        start_s, end_s = span.start_s, span.end_s
        if end_s - start_s > limit_s:
            # the first word has the silence before it, any other the one after it
            start_s, end_s = (
                (end_s - limit_s, end_s) if index == 0 else (start_s, start_s + limit_s)
            )
        start_s = min(max(start_s, cursor_s), audio_s)
        cursor_s = end_s = min(max(end_s, start_s), audio_s)
        words.append(
            TimedWord(
                word=span.text.strip(),
                start_s=round(start_s, 3),
                end_s=round(end_s, 3),
                confidence=round(min(max(span.probability, 0.0), 1.0), 3),
            )
        )
    return tuple(words)


def _with_punctuation(spans: Sequence[_Span]) -> list[_Span]:
    """Joins marks to their words; marks alone have no time of their own."""
    joined: list[_Span] = []
    opening = ""
    for span in spans:
        mark = span.text.strip()
        if not mark:
            continue
        if any(c.isalnum() for c in mark):
            joined.append(_Span(opening + mark, span.start_s, span.end_s, span.probability))
            opening = ""
        elif all(c in _OPENING for c in mark):
            opening += mark
        elif joined:
            joined[-1].text += mark
    return joined
