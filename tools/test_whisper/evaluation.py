"""How well an exported model hears what it was not trained on."""

import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import ctranslate2
import jiwer
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from tests.phone_speaker import SAMPLE_RATE_HZ, SpokenWord
from tests.phone_talk import HELD_OUT_VOICES, held_out_sentences, over_telephone, say
from tools.test_whisper.noise import noise

Samples = NDArray[np.float32]

_SHORT_PAD_S = 1.0
_SILENCE_S = 0.1
"""More than that before a word, and its start is counted apart: the alignment of Whisper knows
no silence, it gives it to the word that follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """Audio and the words in it."""

    samples: Samples
    words: tuple[SpokenWord, ...]

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(word.word for word in self.words)

    def over_telephone(self) -> "Take":
        """The same over a telephone line."""
        return Take(samples=over_telephone(self.samples), words=self.words)

    def until(self, end_s: float) -> "Take":
        """Its beginning, cut hard."""
        return Take(
            samples=self.samples[: round(end_s * SAMPLE_RATE_HZ)],
            words=tuple(word for word in self.words if word.end_s <= end_s + 0.001),
        )


def takes(n: int) -> list[Take]:
    """Held-out sentences in held-out voices, a little silence around them."""
    rng = random.Random(7)
    return [
        _placed([(text, rng.uniform(0.1, 0.5))], HELD_OUT_VOICES[index % 4], rng)
        for index, text in enumerate(held_out_sentences()[:n])
    ]


def turns(n: int, fewest: int, most: int) -> list[Take]:
    """Several held-out sentences in a row with pauses of 0.2 to 1 s."""
    rng = random.Random(8)
    return [
        _placed(
            [
                (rng.choice(held_out_sentences()), rng.uniform(0.2, 1.0))
                for _ in range(rng.randint(fewest, most))
            ],
            HELD_OUT_VOICES[index % 4],
            rng,
        )
        for index in range(n)
    ]


def _placed(parts: list[tuple[str, float]], voice: str, rng: random.Random) -> Take:
    words_per_minute, pitch = rng.randint(140, 190), rng.randint(35, 65)
    pieces: list[Samples] = []
    words: list[SpokenWord] = []
    at_s = 0.0
    for text, pause_s in parts:
        spoken = say(text, voice, words_per_minute, pitch)
        pieces += [np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.float32), spoken.samples]
        start_s = at_s + len(pieces[-2]) / SAMPLE_RATE_HZ
        words += [
            SpokenWord(word.word, word.start_s + start_s, word.end_s + start_s)
            for word in spoken.words
        ]
        at_s = start_s + len(spoken.samples) / SAMPLE_RATE_HZ
    pieces.append(np.zeros(round(0.3 * SAMPLE_RATE_HZ), np.float32))
    return Take(samples=np.concatenate(pieces), words=tuple(words))


class Ear:
    """An exported model, listened with in both ways that engines use."""

    def __init__(self, directory: Path) -> None:
        self._whisper = WhisperModel(
            str(directory), device="cpu", compute_type="int8", cpu_threads=1
        )
        self._model: ctranslate2.models.Whisper = self._whisper.model
        self._tokenizer = self._whisper.hf_tokenizer

    def whole(self, samples: Samples) -> str:
        """By ``WhisperModel.transcribe``: padded to 30 s."""
        segments, _ = self._whisper.transcribe(samples, language="en", beam_size=1)
        return " ".join(segment.text.strip() for segment in segments)

    def word_times(self, samples: Samples) -> list[SpokenWord]:
        """By ``WhisperModel.transcribe`` with word timestamps."""
        segments, _ = self._whisper.transcribe(
            samples, language="en", beam_size=1, word_timestamps=True
        )
        return [
            SpokenWord(word.word.strip(), float(word.start), float(word.end))
            for segment in segments
            for word in segment.words or ()
        ]

    def short(self, samples: Samples) -> str:
        """By CTranslate2 itself: no window longer than the audio and a second."""
        return self._generate(samples)[0]

    def no_speech(self, samples: Samples) -> tuple[str, float]:
        """What is heard, and how probable it is that nobody speaks."""
        return self._generate(samples)

    def _generate(self, samples: Samples) -> tuple[str, float]:
        found = self._model.generate(
            self._states(samples),
            [[self._id("<|startoftranscript|>"), self._id("<|notimestamps|>")]],
            beam_size=1,
            return_no_speech_prob=True,
            max_length=300,
        )[0]
        return self._tokenizer.decode(found.sequences_ids[0]).strip(), found.no_speech_prob

    def aligned(self, take: Take) -> list[SpokenWord]:
        """Times of the words that were really said, short window."""
        groups = [self._tokenizer.encode(" " + word.word).ids for word in take.words]
        tokens = [token for group in groups for token in group]
        n_frames = self._features(take.samples).shape[1]
        alignment = self._model.align(
            self._states(take.samples), [self._id("<|startoftranscript|>")], [tokens], n_frames
        )[0]
        text_at = np.array([pair[0] for pair in alignment.alignments])
        time_at = np.array([pair[1] for pair in alignment.alignments])
        jumps = np.pad(np.diff(text_at), (1, 0), constant_values=1).astype(bool)
        starts_s = time_at[jumps] / 50
        edges = np.cumsum([0, *map(len, groups)])
        return [
            SpokenWord(word.word, float(starts_s[first]), float(starts_s[last]))
            for word, first, last in zip(take.words, edges[:-1], edges[1:], strict=True)
        ]

    def _features(self, samples: Samples) -> NDArray[np.float32]:
        padded = np.pad(samples, (0, round(_SHORT_PAD_S * SAMPLE_RATE_HZ)))
        return self._whisper.feature_extractor(padded, padding=0).astype(np.float32)

    def _states(self, samples: Samples) -> Any:
        features = np.ascontiguousarray(self._features(samples)[None])
        return self._model.encode(ctranslate2.StorageView.from_array(features))

    def _id(self, token: str) -> int:
        number = self._tokenizer.token_to_id(token)
        assert number is not None
        return number


@dataclass
class Report:
    """Lines of a Markdown table."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, figure: str) -> None:
        """Adds a line."""
        self.rows.append((what, figure))

    def __str__(self) -> str:
        lines = [f"| {what} | {figure} |" for what, figure in self.rows]
        return "\n".join(["| Measured | Result |", "|---|---|", *lines])


def measure(directory: Path, n_takes: int = 120, n_turns: int = 24) -> Report:
    """All figures of the model in `directory`."""
    ear, report = Ear(directory), Report()
    spoken = takes(n_takes)
    by_line = [take.over_telephone() for take in spoken]
    long = turns(n_turns, 3, 6)
    for where, set_ in (("clean", spoken), ("µ-law 8 kHz", by_line)):
        report.add(f"WER, {where}, padded to 30 s", _percent(_error_rate(set_, ear.whole)))
        report.add(f"WER, {where}, short window", _percent(_error_rate(set_, ear.short)))
    for fewest, most in ((2, 2), (3, 3), (4, 4), (3, 6)):
        _add_turns(report, ear, turns(n_turns, fewest, most), f"{fewest} to {most}")
    for where, share in (("after a word", 0.0), ("in the middle of a word", 0.5)):
        beginnings = list(_beginnings(spoken, share))
        name = f"beginnings cut {where} (n = {len(beginnings)})"
        report.add(f"WER, {name}, short window", _percent(_error_rate(beginnings, ear.short)))
        report.add(f"words too many, {name}", _percent(_insertions(beginnings, ear.short)))
    _add_times(report, "align(), short window", spoken, ear.aligned)
    _add_times(report, "align(), turns", long, ear.aligned)
    _add_times(report, "faster-whisper word times", spoken, lambda t: ear.word_times(t.samples))
    _add_no_speech(report, ear, spoken)
    return report


def _add_turns(report: Report, ear: Ear, set_: list[Take], n_sentences: str) -> None:
    longest_s = max(len(take.samples) for take in set_) / SAMPLE_RATE_HZ
    name = f"WER, turns of {n_sentences} sentences, up to {longest_s:.0f} s"
    report.add(f"{name}, padded to 30 s", _percent(_error_rate(set_, ear.whole)))
    report.add(f"{name}, short window", _percent(_error_rate(set_, ear.short)))


def _beginnings(spoken: list[Take], share: float) -> Iterator[Take]:
    """Takes cut after some of their words, and after `share` of the next."""
    for take in spoken[::2]:
        for word, following in list(pairwise(take.words))[1:-1:2]:
            yield take.until(word.end_s + share * (following.end_s - following.start_s))


def _error_rate(set_: list[Take], hear: Callable[[Samples], str]) -> float:
    heard = [hear(take.samples) for take in set_]
    return float(jiwer.wer([take.text for take in set_], [text or "-" for text in heard]))


def _insertions(set_: list[Take], hear: Callable[[Samples], str]) -> float:
    heard = [hear(take.samples) for take in set_]
    found = jiwer.process_words([take.text for take in set_], [text or "-" for text in heard])
    return found.insertions / sum(len(take.words) for take in set_)


def _add_times(
    report: Report, how: str, set_: list[Take], times: Callable[[Take], list[SpokenWord]]
) -> None:
    errors: dict[str, list[float]] = {"starts": [], "starts after silence": [], "ends": []}
    for take in set_:
        found = times(take)
        if [word.word for word in found] != [word.word for word in take.words]:
            continue  # times of other words say nothing
        last_end_s = -1.0
        for one, truth in zip(found, take.words, strict=True):
            silent = truth.start_s - last_end_s > _SILENCE_S
            edge = "starts after silence" if silent else "starts"
            errors[edge].append(abs(one.start_s - truth.start_s))
            errors["ends"].append(abs(one.end_s - truth.end_s))
            last_end_s = truth.end_s
    for edge, of_edge in errors.items():
        report.add(f"word {edge}, {how}", _spread(of_edge))


def _spread(errors: list[float]) -> str:
    if not errors:
        return "none"
    median_ms, most_ms = (1000 * float(np.quantile(errors, share)) for share in (0.5, 0.95))
    within = _percent(statistics.fmean(error <= 0.2 for error in errors))
    figures = f"median {median_ms:.0f} ms, p95 {most_ms:.0f} ms, {within} within 200 ms"
    return f"{figures}, {len(errors)} words"


def _add_no_speech(report: Report, ear: Ear, spoken: list[Take]) -> None:
    rng = random.Random(9)
    sounds = [noise(rng, rng.uniform(0.5, 8)) for _ in range(100)]
    silent = [ear.no_speech(sound) for sound in sounds]
    wordy = sum(bool(text) for text, _ in silent)
    missed = sum(probability < 0.6 for _, probability in silent)
    falsely = sum(ear.no_speech(take.samples)[1] > 0.1 for take in spoken)
    report.add("100 sounds without speech: with text", str(wordy))
    report.add("100 sounds without speech: no_speech_prob < 0.6", str(missed))
    report.add(f"{len(spoken)} sentences: no_speech_prob > 0.1", str(falsely))
    words = sum(bool(ear.whole(sound)) for sound in sounds)
    report.add("100 sounds without speech: with text by transcribe()", str(words))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
