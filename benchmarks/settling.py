"""When the text of what was said stood: for any recogniser that shows text while one speaks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer

_WORD = re.compile(r"[\w']+")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a session showed from a moment on: everything since it began.

    Attributes:
        at_s: When it came (monotonic).
        settled: Text that the recogniser declares to be over.
        tentative: Text after it that may change.
    """

    at_s: float
    settled: str
    tentative: str = ""


def plain_words(text: str) -> list[str]:
    """Words without case and punctuation."""
    return _WORD.findall(text.lower().replace("’", "'"))


def completed_s(said: Sequence[str], shown: Sequence[Shown]) -> list[float | None]:
    """For each text that was said: when its last recognised word was settled for good.

    The settled text at the end is aligned with all that was said, so that words are of the
    text that they belong to, however late they came. None where no word of a text was found.
    """
    final = plain_words(shown[-1].settled) if shown else []
    steps = [(each.at_s, plain_words(each.settled)) for each in shown]
    return [
        None if end is None else _stood_s(steps, final[:end]) for end in _word_ends(said, final)
    ]


def _word_ends(said: Sequence[str], final: Sequence[str]) -> list[int | None]:
    """For each text, how many words of `final` reach to its last recognised one."""
    texts = [plain_words(text) for text in said]
    reference = [word for words in texts for word in words]
    owner = [index for index, words in enumerate(texts) for _ in words]
    ends: list[int | None] = [None] * len(texts)
    if not final or not reference:
        return ends
    aligned = jiwer.process_words(" ".join(reference), " ".join(final)).alignments[0]
    for chunk in aligned:
        if chunk.type in ("equal", "substitute"):
            for offset in range(chunk.ref_end_idx - chunk.ref_start_idx):
                ends[owner[chunk.ref_start_idx + offset]] = chunk.hyp_start_idx + offset + 1
    return ends


def _stood_s(steps: Sequence[tuple[float, list[str]]], words: Sequence[str]) -> float:
    """When the settled text began to have `words` first, never to lose them again."""
    stood_s = steps[-1][0]
    for at_s, settled in reversed(steps):
        if settled[: len(words)] != words:
            break
        stood_s = at_s
    return stood_s
