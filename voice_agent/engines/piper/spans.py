"""Which characters are heard in which frames: known before there is any audio."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Frames up to `end_frame` say ``text[text_start:text_end]``; they follow the span before."""

    end_frame: int
    text_start: int
    text_end: int


def spans(
    text: str, words: Sequence[tuple[int, int]], owners: Sequence[int], frames: Sequence[int]
) -> list[Span]:
    """The spans of a clause, words and the pauses between them; they cover all its frames.

    A pause says nothing: its text is empty. What cannot be heard of the text (a dash, an
    emoji, a word without a phoneme) goes with the word before it, at the beginning with the
    first word.

    Args:
        text: The clause.
        words: Where its words are.
        owners: The word of each id; -1 for pauses.
        frames: How long each id is.
    """
    times = _times(owners, frames)
    heard = [words[number][0] for number in times]
    n_frames, all_text = sum(frames), len(text.rstrip())
    if not heard:
        return [Span(n_frames, 0, all_text)]
    starts = [0, *heard[1:]]
    ends = [*(len(text[:start].rstrip()) for start in heard[1:]), all_text]
    found, at, said = list[Span](), 0, 0
    for (first, last), start, end in zip(times.values(), starts, ends, strict=True):
        if first > at:
            found.append(Span(first, said, said))
        found.append(Span(last, start, end))
        at, said = last, end
    if at < n_frames:
        found.append(Span(n_frames, said, said))
    return found


def _times(owners: Sequence[int], frames: Sequence[int]) -> dict[int, tuple[int, int]]:
    """First frame of each word that is heard, and one past its last; in order."""
    begins, ends, at = dict[int, int](), dict[int, int](), 0
    for owner, n_frames in zip(owners, frames, strict=True):
        if owner >= 0 and n_frames:
            begins.setdefault(owner, at)
            ends[owner] = at + n_frames
        at += n_frames
    times, last = dict[int, tuple[int, int]](), 0
    for word in sorted(begins):
        first, end = max(begins[word], last), ends[word]
        if end > first:
            times[word] = (first, end)
            last = end
    return times
