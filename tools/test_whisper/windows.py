"""What the model hears in training, and what it shall say to it."""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.phone_speaker import SAMPLE_RATE_HZ, Phone, SpokenWord
from tools.test_whisper.noise import noise
from tools.test_whisper.speech import Utterance

Samples = NDArray[np.float32]

_HEARD = 0.85
"""Share of a word that has to be in the audio for it to be part of the text."""
_LONGEST_S = 26.0
_MEAN_PAUSE_S = 0.55


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Audio with what is said in it; no segments: no speech.

    Attributes:
        segments: The words of each sentence.
        speech: Whether anybody speaks; there may be no complete word even then.
        cut: Whether the audio ends in the middle.
    """

    samples: Samples
    segments: tuple[tuple[SpokenWord, ...], ...]
    phones: tuple[Phone, ...]
    speech: bool = True
    cut: bool = False


def draw(rng: random.Random, pool: list[Utterance], several_share: float) -> Window:
    """A window as they come: a sentence or several, some of them cut, or noise."""
    if rng.random() < 0.05:
        sound = noise(rng, rng.uniform(0.3, 8.0))
        return Window(samples=sound, segments=(), phones=(), speech=False)
    several = rng.random() < several_share
    n_sentences = rng.choice((2, 2, 2, 3, 3, 4, 5, 6, 7)) if several else 1
    window = join(rng, [rng.choice(pool) for _ in range(n_sentences)])
    if rng.random() < 0.33:
        window = cut_end(rng, window)
    if rng.random() < 0.06:
        window = cut_start(rng, window)
    return window


def join(rng: random.Random, utterances: list[Utterance]) -> Window:
    """Sentences one after the other, with silence before, between and after them."""
    at_s = rng.choice((0.0, rng.uniform(0, 0.4), rng.uniform(0, 1.2)))
    pieces = [np.zeros(round(at_s * SAMPLE_RATE_HZ), np.float32)]
    segments, phones = [], []
    for utterance in utterances:
        length_s = len(utterance.samples) / SAMPLE_RATE_HZ
        if segments and at_s + length_s > _LONGEST_S:
            break
        segments.append(tuple(_later(word, at_s) for word in utterance.words))
        phones += [Phone(phone.name, phone.start_s + at_s) for phone in utterance.phones]
        level = 10 ** (rng.uniform(-4, 4) / 20)
        pieces.append(utterance.samples.astype(np.float32) * (level / 32_768))
        pause_s = 0.1 + min(1.5, rng.expovariate(1 / _MEAN_PAUSE_S))
        pieces.append(np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.float32))
        at_s += (len(pieces[-2]) + len(pieces[-1])) / SAMPLE_RATE_HZ
    return Window(samples=np.concatenate(pieces), segments=tuple(segments), phones=tuple(phones))


def cut_end(rng: random.Random, window: Window) -> Window:
    """The window as it was at some moment: at the end of a word, or in the middle of one."""
    said = [word for segment in window.segments for word in segment]
    word = rng.choice(said)
    at_s = word.end_s if rng.random() < 0.55 else rng.uniform(word.start_s, word.end_s)
    at_s = max(0.2, at_s + rng.choice((0.0, 0.0, rng.uniform(0, 0.1))))
    heard = tuple(
        tuple(word for word in segment if _share(word, 0.0, at_s) >= _HEARD)
        for segment in window.segments
    )
    return Window(
        samples=window.samples[: round(at_s * SAMPLE_RATE_HZ)],
        segments=tuple(segment for segment in heard if segment),
        phones=tuple(phone for phone in window.phones if phone.start_s < at_s),
        cut=True,
    )


def cut_start(rng: random.Random, window: Window) -> Window:
    """The window without its first words."""
    said = [word for segment in window.segments for word in segment]
    if len(said) < 3:
        return window
    at_s = rng.choice(said[1 : 1 + len(said) // 2]).start_s
    kept = tuple(
        tuple(_later(word, -at_s) for word in segment if word.start_s >= at_s - 0.001)
        for segment in window.segments
    )
    return Window(
        samples=window.samples[round(at_s * SAMPLE_RATE_HZ) :],
        segments=tuple(segment for segment in kept if segment),
        phones=tuple(Phone(phone.name, phone.start_s - at_s) for phone in window.phones),
        cut=window.cut,
    )


def _later(word: SpokenWord, by_s: float) -> SpokenWord:
    return SpokenWord(word.word, word.start_s + by_s, word.end_s + by_s)


def _share(word: SpokenWord, start_s: float, end_s: float) -> float:
    heard_s = min(word.end_s, end_s) - max(word.start_s, start_s)
    return heard_s / max(0.01, word.end_s - word.start_s)
