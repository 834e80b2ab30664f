"""What shorter windows cost in accuracy and save in time, on recordings with transcripts."""

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.engines.whisper import temperature_fallback
from voice_agent.engines.whisper.model import LoadedModel, Window
from voice_agent.engines.whisper.tokens import longest_samples
from voice_agent.engines.whisper.window import FULL, WindowRule, pieces
from voice_agent.errors import SettingsError

TOLERABLE_POINTS = 1.0
"""Of word error rate: a difference that nobody notices in a conversation."""
_RESAMPLES = 10_000
_FEWEST = 20  # recordings; of fewer the bootstrap knows too little


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file and what is said in it."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One recording, decoded with one length of window; `run_s` is of the processor."""

    text: str
    wrong_words: int
    words: int
    run_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One recording, decoded both ways."""

    name: str
    audio_s: float
    said: str
    full: Decoded
    short: Decoded


def recordings(folder: Path) -> list[Recording]:
    """The recordings that ``transcripts.tsv`` (columns `file` and `text`) lists.

    Raises:
        SettingsError: There is no such table, or a file of it is missing.
    """
    table = folder / "transcripts.tsv"
    if not table.is_file():
        raise SettingsError(f"there is no {table}: a table with the columns file and text")
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    if not rows or not {"file", "text"} <= rows[0].keys():
        raise SettingsError(f"{table} has no rows with the columns file and text")
    found = [Recording(path=folder / row["file"], text=row["text"]) for row in rows]
    if missing := [recording.path for recording in found if not recording.path.is_file()]:
        raise SettingsError(f"{table} names {missing[0].name}, which is not there")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How many more words of a hundred are wrong in short windows, and how sure that is.

    Attributes:
        points: Measured.
        low: Of 95 % of the sets of recordings that could have been made as well (bootstrap).
        high: The same.
    """

    points: float
    low: float
    high: float

    @property
    def verdict(self) -> Literal["no harm", "harm", "not enough recordings"]:
        """Whether the difference is smaller than anybody notices, larger, or not known."""
        if self.high <= TOLERABLE_POINTS:
            return "no harm"
        return "harm" if self.low > TOLERABLE_POINTS else "not enough recordings"


def difference(pairs: Sequence[Pair]) -> Difference:
    """Of the word error rates, short minus full."""
    more = np.array([pair.short.wrong_words - pair.full.wrong_words for pair in pairs])
    words = np.array([pair.full.words for pair in pairs])
    chosen = np.random.default_rng(0).integers(0, len(pairs), (_RESAMPLES, len(pairs)))
    rates = 100 * more[chosen].sum(axis=1) / np.maximum(1, words[chosen].sum(axis=1))
    low, high = np.percentile(rates, (2.5, 97.5))
    if len(pairs) < _FEWEST:  # the few that there are say nothing of all the others
        low, high = -100.0, 100.0
    points = 100 * more.sum() / max(1, words.sum())
    return Difference(points=float(points), low=float(low), high=float(high))


def compare(
    model: LoadedModel,
    speech: Sequence[Recording],
    read: Callable[[Path], Samples],
    *,
    language: str,
    rule: WindowRule,
) -> Iterator[Pair]:
    """Decodes every recording in full and in short windows, greedily, as finals are.

    Args:
        model: Loaded.
        speech: What to decode.
        read: Reads a file as float32 mono 16 kHz.
        language: Of all recordings.
        rule: Of the short windows.
    """
    for recording in speech:
        samples = read(recording.path)
        full, short = (
            _decode(model, samples, recording.text, language, windows) for windows in (FULL, rule)
        )
        yield Pair(
            name=recording.path.name,
            audio_s=len(samples) / ASR_SAMPLE_RATE_HZ,
            said=recording.text,
            full=full,
            short=short,
        )


def _decode(
    model: LoadedModel, samples: Samples, said: str, language: str, rule: WindowRule
) -> Decoded:
    started_s = time.process_time()
    texts: list[str] = []
    for _, piece in pieces(samples, longest_samples(language)):
        window = Window(samples=piece, frames=rule.frames(len(piece)), language=language)
        (hypothesis,) = temperature_fallback.decode(model, [window], beam_size=1, patient=False)
        texts.append(hypothesis.cleaned().text)
    run_s = time.process_time() - started_s
    text = " ".join(texts)
    wrong, words = word_errors(said, text, language)
    return Decoded(text=text, wrong_words=wrong, words=words, run_s=run_s)


def word_errors(said: str, heard: str, language: str) -> tuple[int, int]:
    """Words substituted, left out or put in, and words said; as Whisper's authors count."""
    jiwer: Any = import_module("jiwer")
    english: Any = import_module("whisper_normalizer.english")
    basic: Any = import_module("whisper_normalizer.basic")
    is_english = language == "en"
    normalise = english.EnglishTextNormalizer() if is_english else basic.BasicTextNormalizer()
    reference, hypothesis = normalise(said), normalise(heard)
    if not reference.split():
        return len(hypothesis.split()), 0
    counts = jiwer.process_words(reference, hypothesis)
    return counts.substitutions + counts.deletions + counts.insertions, len(reference.split())
