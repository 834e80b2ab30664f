"""Word error rates, with the normalisation that the field uses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np
from num2words import num2words
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

_RESAMPLES = 2000
_LEADING_ZERO = re.compile(r"\b0(?=\d)")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.:,]?(?=\d)")
_NUMERAL = re.compile(r"\b(?:\d{1,2}|100)\b")


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance: what was said and what was recognised.

    Outside English accents do not count, and numerals up to a hundred are read as cardinals;
    other numerals and abbreviations count as errors: such rates are for comparisons.
    """

    name: str
    said: str
    recognised: str
    language: str = "en"

    def counts(self) -> tuple[int, int]:
        """Wrong words (substituted, deleted, inserted) and words said."""
        said, recognised = (
            _normalised(text, self.language) for text in (self.said, self.recognised)
        )
        words = len(said.split())
        if not words:
            return len(recognised.split()), 0
        result = jiwer.process_words(said, recognised)
        return result.substitutions + result.deletions + result.insertions, words


def _normalised(text: str, language: str) -> str:
    if language == "en":
        return str(EnglishTextNormalizer()(text))
    in_words = _NUMERAL.sub(lambda found: num2words(int(found.group()), lang=language), text)
    return str(BasicTextNormalizer(remove_diacritics=True)(in_words))


def digits_apart(text: str) -> str:
    """English with each digit a word: `0412`, `04 12` and "zero four one two" are the same."""
    leading_kept = _LEADING_ZERO.sub("0 ", text)  # which the normalisation drops
    return _BETWEEN_DIGITS.sub(" ", _normalised(leading_kept, "en"))


def word_error_rate(heard: Sequence[Heard]) -> float:
    """All wrong words over all words said."""
    counts = [h.counts() for h in heard]
    return sum(wrong for wrong, _ in counts) / max(1, sum(words for _, words in counts))


def interval(heard: Sequence[Heard]) -> tuple[float, float]:
    """95 % of the rates of resampled sets of utterances (bootstrap, fixed seed)."""
    counts = np.array([h.counts() for h in heard])
    chosen = np.random.default_rng(0).integers(0, len(counts), (_RESAMPLES, len(counts)))
    totals = counts[chosen].sum(axis=1)
    low, high = np.percentile(totals[:, 0] / totals[:, 1], (2.5, 97.5))
    return float(low), float(high)


def table(heard: Sequence[Heard]) -> str:
    """One row an utterance, and one for all."""
    rows = ["| utterance | wrong | of | said | recognised |", "|---|---|---|---|---|"]
    for h in heard:
        wrong, words = h.counts()
        rows.append(f"| {h.name} | {wrong} | {words} | {h.said} | {h.recognised} |")
    low, high = interval(heard)
    rate = word_error_rate(heard)
    rows.append(
        f"\n**Word error rate {rate:.1%}** over {len(heard)} utterances "
        f"(95 % interval {low:.1%}–{high:.1%})"
    )
    return "\n".join(rows)
