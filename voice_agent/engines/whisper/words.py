"""Times of words, from the alignment of tokens and audio."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples, TimedWord

SPACELESS = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages without spaces; their words are the characters that tokens make."""

# marks that belong to the word after them; all others belong to the one before
_OPENING = "\"'“„«\N{LEFT SINGLE QUOTATION MARK}¿¡([{-「『《〈【\N{FULLWIDTH LEFT PARENTHESIS}"
# A pause is given to the word beside it. A word longer than twice the median, or than this,
# has swallowed one.
_LONGEST_S = 0.9
_SHORTEST_LIMIT_S = 0.5
# But "9007883." is seven words to the ear, and "K-O-W-A-L-S-K-I." eight: what each of them may
# take beside that. Dictated letters took up to 0.55 s.
_SAID_ALONE_S = 0.6
# a digit, a letter between others that stand alone, a letter of an acronym
_SAID_ALONE = re.compile(r"\d|(?<![^\W\d_])[^\W\d_](?![^\W\d_])|[A-Z](?=[A-Z])|(?<=[A-Z])[A-Z]")
_SIGNS = re.compile(r"[$€£%@&+=/#]|(?<=\w)\.(?=\w)")  # that have names
# The model puts the end of the last word up to 0.6 s early, where its mind is made up. What is
# heard on from there is still that word, with gaps as long as a quiet "f" makes.
_HEARD_ON_S = 0.7
_HEARD_ON_GAP_S = 0.25
# silence before and after what is heard of a word: more than a stop consonant makes
_GAP_S = 0.1
# sound is what has this part of the loudest 10 ms
_SOUND_ABOVE = 0.05
_STEPS_PER_S = 100
_STEP_SAMPLES = ASR_SAMPLE_RATE_HZ // _STEPS_PER_S
Sound = NDArray[np.bool_]


@dataclass(slots=True)
class _Span:
    text: str
    start_s: float
    end_s: float
    probability: float


def timed_words(
    alignment: Sequence[dict[str, Any]],
    audio_s: float,
    *,
    sound: Sound | None = None,
    spaced: bool = True,
) -> tuple[TimedWord, ...]:
    """Words in order, not overlapping, within the audio.

    Args:
        alignment: What `WhisperModel.find_alignment` returns for one piece of audio.
        audio_s: Length of the audio.
        sound: Where there is some (`sound_in`): silence beside a word is not its own.
        spaced: Whether the language puts spaces between words; then the words, joined by
            spaces, are the text.
    """
    last_s = math.floor(audio_s * 1000) / 1000  # rounding may not lead out of the audio
    spans = _joined(_spans(alignment), spaced=spaced)
    limit_s = _longest_s(spans)
    sound = np.zeros(0, np.bool_) if sound is None else sound
    words: list[TimedWord] = []
    cursor_s = 0.0
    for index, span in enumerate(spans):
        start_s, end_s = _without_silence(span, sound)
        if index == len(spans) - 1:
            end_s = max(end_s, _heard_on(span.end_s, sound))
        longest_s = limit_s + _SAID_ALONE_S * _n_alone(span)
        if end_s - start_s > longest_s:
            # the first word has the silence before it, any other the one after it
            start_s, end_s = (
                (end_s - longest_s, end_s) if index == 0 else (start_s, start_s + longest_s)
            )
        start_s = min(max(start_s, cursor_s), last_s)
        cursor_s = end_s = min(max(end_s, start_s), last_s)
        words.append(
            TimedWord(
                word=span.text.strip(),
                start_s=round(start_s, 3),
                end_s=round(end_s, 3),
                confidence=round(min(max(span.probability, 0.0), 1.0), 3),
            )
        )
    return tuple(words)


def sound_in(samples: Samples) -> Sound:
    """Which steps of 10 ms are louder than a twentieth of the loudest one."""
    n_steps = len(samples) // _STEP_SAMPLES
    if not n_steps:
        return np.zeros(0, np.bool_)
    steps = samples[: n_steps * _STEP_SAMPLES].reshape(n_steps, -1)
    levels = np.sqrt(np.mean(np.square(steps), axis=1))
    return levels > _SOUND_ABOVE * levels.max()


def _without_silence(span: _Span, sound: Sound) -> tuple[float, float]:
    """Start and end of what can be heard of a span; as they are if that is nothing."""
    first = round(span.start_s * _STEPS_PER_S)
    heard = np.flatnonzero(sound[first : round(span.end_s * _STEPS_PER_S)])
    if not len(heard):
        return span.start_s, span.end_s
    # a pause has been swallowed only if it is longer than the gaps inside of words
    start_s, end_s = (first + heard[0]) / _STEPS_PER_S, (first + heard[-1] + 1) / _STEPS_PER_S
    return (
        float(start_s) if start_s - span.start_s > _GAP_S else span.start_s,
        float(end_s) if span.end_s - end_s > _GAP_S else span.end_s,
    )


def _heard_on(end_s: float, sound: Sound) -> float:
    """Until when sound goes on from here, for a while and without a pause."""
    heard_s = end_s
    last = round((end_s + _HEARD_ON_S) * _STEPS_PER_S)
    for step in range(max(0, round((end_s - _GAP_S) * _STEPS_PER_S)), min(last, len(sound))):
        at_s = (step + 1) / _STEPS_PER_S
        if at_s - heard_s > _HEARD_ON_GAP_S:
            break
        if sound[step]:
            heard_s = max(heard_s, at_s)
    return heard_s if heard_s > end_s else 0.0


def _spans(alignment: Sequence[dict[str, Any]]) -> list[_Span]:
    return [
        _Span(
            entry["word"], float(entry["start"]), float(entry["end"]), float(entry["probability"])
        )
        for entry in alignment
        if entry["word"].strip()
    ]


def _longest_s(spans: Sequence[_Span]) -> float:
    """Of a word that is one word to the ear."""
    durations = [
        span.end_s - span.start_s
        for span in spans
        if span.end_s > span.start_s and not _n_alone(span)
    ]
    if not durations:
        return _LONGEST_S
    return min(_LONGEST_S, max(2 * median(durations), _SHORTEST_LIMIT_S))


def _n_alone(span: _Span) -> int:
    """How much of a span is said as a word of its own, if more than one thing is."""
    alone = len(_SAID_ALONE.findall(span.text))
    return len(_SIGNS.findall(span.text)) + (alone if alone > 1 else 0)


def _joined(spans: Iterable[_Span], *, spaced: bool) -> list[_Span]:
    """Joins what makes one word; marks alone have no time of their own.

    faster-whisper sets every mark apart, and what comes after a mark: "5", ":30".
    """
    joined: list[_Span] = []
    opening = ""
    for span in spans:
        says = any(c.isalnum() for c in span.text)
        begins = not spaced or not joined or span.text.startswith(" ")
        if says and (begins or opening):
            span.text = opening + span.text
            joined.append(span)
            opening = ""
        elif begins and all(c in _OPENING for c in span.text.strip()):
            opening += span.text
        elif joined:
            _append(joined[-1], span, says=says)
    if joined:
        joined[-1].text += opening
    return joined


def _append(word: _Span, span: _Span, *, says: bool) -> None:
    word.text += span.text
    if says:
        word.end_s = max(word.end_s, span.end_s)
        word.probability = min(word.probability, span.probability)
