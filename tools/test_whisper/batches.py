"""Windows, made worse and put together so that little is padded."""

import multiprocessing
import os
import random
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Full
from typing import Any, NamedTuple

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from tests.phone_speaker import SAMPLE_RATE_HZ
from tests.phone_talk import words
from tools.test_whisper.noise import worsen
from tools.test_whisper.speech import Utterance
from tools.test_whisper.targets import IGNORED, decoder_target, frame_targets, plain
from tools.test_whisper.vocabulary import Vocabulary
from tools.test_whisper.windows import Window, draw

_HOP = 160
_DRAWN_AT_ONCE = 800
_WHOLE_SHARE, _WIDE_SHARE = 0.03, 0.08
"""Batches padded to 30 s, as faster-whisper does, and to 10–15 s."""
_AHEAD = 6
"""Batches that wait for the training; when so many are ready, their maker waits."""


class Batch(NamedTuple):
    """Arrays of one step; see `Target` and `frame_targets`."""

    mels: NDArray[np.float32]
    tokens: NDArray[np.int64]
    labels: NDArray[np.int64]
    spans: NDArray[np.int64]
    words: NDArray[np.int64]
    phones: NDArray[np.int64]


def phone_names(pool: list[Utterance]) -> list[str]:
    """The speech sounds of a pool; the first is none."""
    return ["", *sorted({plain(p.name) for one in pool for p in one.phones} - {""})]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Makes batches of about `budget_s` of audio; a share of windows has several sentences."""

    pool: list[Utterance]
    vocabulary: Vocabulary
    budget_s: float
    several_share: float

    def batches(self, seed: int) -> Iterator[Batch]:
        """Batches without end."""
        rng = random.Random(seed)
        maker = _Maker(self.vocabulary, phone_names(self.pool))
        while True:
            drawn = [draw(rng, self.pool, self.several_share) for _ in range(_DRAWN_AT_ONCE)]
            groups = list(self._groups(rng, drawn))
            rng.shuffle(groups)
            for windows, length_s in groups:
                yield maker.batch(rng, windows, length_s)

    def batches_made_aside(self, seed: int) -> Generator[Batch]:
        """The same, made by another process, which ends with this one or the iterator."""
        context = multiprocessing.get_context("fork")
        queue: Any = context.Queue(maxsize=_AHEAD)
        maker = context.Process(target=self._fill, args=(queue, seed), daemon=True)
        maker.start()
        try:
            while True:
                yield queue.get(timeout=300)
        finally:
            maker.terminate()

    def _fill(self, queue: Any, seed: int) -> None:
        training = os.getppid()
        for batch in self.batches(seed):
            while os.getppid() == training:
                with suppress(Full):
                    queue.put(batch, timeout=5)
                    break
            else:
                return  # it was killed; nobody else would end this

    def _groups(
        self, rng: random.Random, windows: list[Window]
    ) -> Iterator[tuple[list[Window], float]]:
        """Windows of one batch and the length they are padded to."""
        rest = sorted(windows, key=lambda window: len(window.samples))
        while rest:
            kind = rng.random()
            if kind < _WHOLE_SHARE + _WIDE_SHARE:
                length_s = 30.0 if kind < _WHOLE_SHARE else rng.uniform(10, 15)
                picked = rng.sample(rest, min(len(rest), max(2, round(self.budget_s / length_s))))
            else:
                last = rng.randrange(len(rest))
                longest_s = len(rest[last].samples) / SAMPLE_RATE_HZ
                length_s = longest_s + rng.uniform(0, 1.2)
                first = max(0, last + 1 - max(1, round(self.budget_s / length_s)))
                picked = rest[first : last + 1]
            longest_s = max(len(window.samples) for window in picked) / SAMPLE_RATE_HZ
            taken = {id(window) for window in picked}
            rest = [window for window in rest if id(window) not in taken]
            yield picked, max(length_s, longest_s)


class _Maker:
    """Turns windows into arrays."""

    def __init__(self, vocabulary: Vocabulary, phones: list[str]) -> None:
        self._vocabulary = vocabulary
        self._words = {word: index for index, word in enumerate(words(), 1)}
        self._phones = {name: index for index, name in enumerate(phones)}
        self._extract = FeatureExtractor()

    def batch(self, rng: random.Random, windows: list[Window], length_s: float) -> Batch:
        n_frames = 2 * round(length_s * 50 + 0.5)
        n_frames = min(3000, n_frames)
        targets = [decoder_target(rng, window, self._vocabulary) for window in windows]
        n_tokens = max(len(target.tokens) for target in targets)
        end = self._vocabulary.special("endoftext")
        frames = [self._frames(window, n_frames) for window in windows]
        return Batch(
            mels=np.stack([self._mels(rng, window, n_frames) for window in windows]),
            tokens=_padded([target.tokens for target in targets], n_tokens, end),
            labels=_padded([target.labels for target in targets], n_tokens, IGNORED),
            spans=_padded([target.spans for target in targets], n_tokens, (-1, -1)),
            words=np.stack([word for word, _ in frames]),
            phones=np.stack([phone for _, phone in frames]),
        )

    def _frames(self, window: Window, n_frames: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return frame_targets(window, n_frames // 2, self._words, self._phones)

    def _mels(self, rng: random.Random, window: Window, n_frames: int) -> NDArray[np.float32]:
        """Padded as engines do: with silence, then with zeros instead of features."""
        sound = worsen(rng, window.samples, window.speech)
        n_samples = n_frames * _HOP
        silence_s = rng.choice((0.01, 0.01, 30.0, rng.uniform(0.3, 1.5)))
        n_sound = min(n_samples, len(sound) + round(silence_s * SAMPLE_RATE_HZ))
        n_sound = max(n_sound, 800)
        sound = np.pad(sound[:n_sound], (0, max(0, n_sound - len(sound))))
        mels = self._extract(sound, padding=0)[:, :n_frames].astype(np.float32)
        if rng.random() < 0.3:
            low, width = rng.randrange(72), rng.randint(2, 8)
            mels[low : low + width] = mels.min()
        return np.pad(mels, ((0, 0), (0, n_frames - mels.shape[1])))


def _padded(rows: list[list[Any]], length: int, value: Any) -> NDArray[np.int64]:
    return np.array([row + [value] * (length - len(row)) for row in rows], np.int64)
