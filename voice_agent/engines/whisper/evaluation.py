"""What a short window costs in accuracy and saves in time, on recordings with transcripts."""

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.engines.whisper import ladder
from voice_agent.engines.whisper.model import LoadedModel, Window
from voice_agent.engines.whisper.window import pieces, window_frames
from voice_agent.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file and what is said in it."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One recording, decoded with one length of window."""

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


def compare(
    model: LoadedModel,
    speech: Sequence[Recording],
    read: Callable[[Path], Samples],
    *,
    language: str,
    floor_s: float,
) -> Iterator[Pair]:
    """Decodes every recording with a full and with a short window, greedily.

    Args:
        model: Loaded.
        speech: What to decode.
        read: Reads a file as float32 mono 16 kHz.
        language: Of all recordings.
        floor_s: Shortest short window.
    """
    for recording in speech:
        samples = read(recording.path)
        full, short = (
            _decode(model, samples, recording.text, language, short=short, floor_s=floor_s)
            for short in (False, True)
        )
        yield Pair(
            name=recording.path.name,
            audio_s=len(samples) / ASR_SAMPLE_RATE_HZ,
            said=recording.text,
            full=full,
            short=short,
        )


def _decode(
    model: LoadedModel, samples: Samples, said: str, language: str, *, short: bool, floor_s: float
) -> Decoded:
    started_s = time.monotonic()
    texts: list[str] = []
    for _, piece in pieces(samples):
        frames = window_frames(len(piece), short=short, floor_s=floor_s)
        window = Window(samples=piece, frames=frames, language=language)
        (hypothesis,) = ladder.decode(model, [window], beam_size=1, patient=False)
        texts.append(hypothesis.text)
    run_s = time.monotonic() - started_s
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
