"""The speech to train on: spoken once, kept on disk."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.phone_speaker import Phone, Speaker, SpokenWord
from tests.phone_talk import held_out_sentences, sentence, training_voice, words

_SALAD_SHARE = 0.3
"""Random words in a row make the model listen instead of knowing what people say."""

_SPEAKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A spoken sentence, int16 mono 16 kHz."""

    samples: NDArray[np.int16]
    words: tuple[SpokenWord, ...]
    phones: tuple[Phone, ...]


def texts(n: int, seed: int) -> list[str]:
    """`n` texts to train on: sentences of the grammar, and random words in a row."""
    rng = random.Random(seed)
    held_out, vocabulary = set(held_out_sentences()), words()
    made: list[str] = []
    while len(made) < n:
        if rng.random() < _SALAD_SHARE:
            text = " ".join(rng.choice(vocabulary) for _ in range(rng.randint(1, 8)))
        else:
            text = sentence(rng)
        if text not in held_out:
            made.append(text)
    return made


def make(n: int, directory: Path, seed: int = 0) -> None:
    """Speaks `n` texts in many voices and writes them to `directory`."""
    rng = random.Random(seed + 1)
    jobs = [
        (text, training_voice(rng), rng.randint(115, 215), rng.randint(15, 85), _stretch(rng))
        for text in texts(n, seed)
    ]
    parts = [jobs[index::_SPEAKERS] for index in range(_SPEAKERS)]
    with ThreadPoolExecutor(_SPEAKERS) as threads:
        spoken = [utterance for part in threads.map(_speak, parts) for utterance in part]
    edges = np.cumsum([0, *(len(utterance.samples) for utterance in spoken)])
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / "samples.npy", np.concatenate([one.samples for one in spoken]))
    index = [[int(edges[i]), one.words, one.phones] for i, one in enumerate(spoken)]
    (directory / "index.json").write_text(json.dumps([index, int(edges[-1])]))


def load(directory: Path) -> list[Utterance]:
    """What `make` wrote."""
    samples = np.load(directory / "samples.npy", mmap_mode="r")
    index, end = json.loads((directory / "index.json").read_text())
    edges = [*(entry[0] for entry in index), end]
    return [
        Utterance(
            samples=samples[start:stop],
            words=tuple(SpokenWord(*word) for word in said),
            phones=tuple(Phone(*phone) for phone in phones),
        )
        for (start, said, phones), stop in zip(index, edges[1:], strict=True)
    ]


def _stretch(rng: random.Random) -> float:
    return rng.uniform(0.88, 1.13) if rng.random() < 0.7 else 1.0


def _speak(jobs: list[tuple[str, str, int, int, float]]) -> list[Utterance]:
    made = []
    with Speaker() as speaker:
        for text, voice, words_per_minute, pitch, stretch in jobs:
            spoken = speaker.say(text, voice, words_per_minute, pitch, stretch)
            samples = (spoken.samples * 32_767).astype(np.int16)
            made.append(Utterance(samples=samples, words=spoken.words, phones=spoken.phones))
    return made
