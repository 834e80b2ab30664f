"""What the decoder shall say to a window, and where it shall look for it."""

import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tests.phone_speaker import SpokenWord
from tests.phone_talk import sentence
from tools.test_whisper.vocabulary import Vocabulary
from tools.test_whisper.windows import Window

FRAME_S = 0.02
"""One encoder state."""
IGNORED = -100
_NOWHERE = (-1, -1)

_PROMPT_SHARE = 0.05
_END_S = 0.12
"""What the end is seen by: so much of what follows the last word."""


@dataclass(slots=True)
class Target:
    """One training sequence.

    Attributes:
        tokens: What the decoder is given.
        labels: What it shall say next to each of them.
        spans: First and past-last frame that it shall look at for that, or -1.
    """

    tokens: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def give(self, token: int) -> None:
        """Adds a token; what follows it is not known yet."""
        self.tokens.append(token)
        self.labels.append(IGNORED)
        self.spans.append(_NOWHERE)

    def expect(self, label: int, span: tuple[int, int] = _NOWHERE) -> None:
        """Says what shall follow the last token."""
        self.labels[-1], self.spans[-1] = label, span

    def say(self, token: int, span: tuple[int, int] = _NOWHERE) -> None:
        """Expects a token and goes on from it."""
        self.expect(token, span)
        self.give(token)


def decoder_target(rng: random.Random, window: Window, vocabulary: Vocabulary) -> Target:
    """With or without timestamps, at times after a prompt."""
    target = Target()
    if rng.random() < _PROMPT_SHARE:
        _give_prompt(target, rng, vocabulary)
    target.give(vocabulary.special("startoftranscript"))
    timed = rng.random() < 0.5
    target.say(vocabulary.special("0.00" if timed else "notimestamps"))
    if not window.speech:
        target.labels[-2] = vocabulary.special("nospeech")
    end_s = 0.0
    for index, segment in enumerate(window.segments):
        if timed and index:
            target.say(vocabulary.time(segment[0].start_s))
        for word in segment:
            _say_word(target, word, vocabulary)
        end_s = segment[-1].end_s
        if timed:
            target.say(vocabulary.time(end_s), _frames(end_s, end_s + _END_S))
    end_span = _frames(end_s, end_s + _END_S) if window.segments else _NOWHERE
    target.expect(vocabulary.special("endoftext"), end_span)
    return target


def frame_targets(
    window: Window, n_frames: int, words: dict[str, int], phones: dict[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Word and speech sound of each encoder state; 0 is neither."""
    word_of = np.zeros(n_frames, np.int64)
    phone_of = np.zeros(n_frames, np.int64)
    for word in (word for segment in window.segments for word in segment):
        start, end = _frames(word.start_s, word.end_s)
        word_of[start:end] = words[word.word]
    ends = [*(phone.start_s for phone in window.phones[1:]), len(window.samples) / 16_000]
    for phone, end_s in zip(window.phones, ends, strict=False):
        if end_s > 0:
            start, end = _frames(max(0.0, phone.start_s), end_s)
            phone_of[start:end] = phones.get(plain(phone.name), 0)
    return word_of, phone_of


def plain(phone: str) -> str:
    """A speech sound without its stress; all pauses are one."""
    return "" if phone.startswith("_") else phone.lstrip("',%=")


def _give_prompt(target: Target, rng: random.Random, vocabulary: Vocabulary) -> None:
    target.give(vocabulary.special("startofprev"))
    for _ in range(rng.randint(1, 3)):
        for word in sentence(rng).split():
            for token in vocabulary.words[word]:
                target.give(token)


def _say_word(target: Target, word: SpokenWord, vocabulary: Vocabulary) -> None:
    tokens = vocabulary.words[word.word]
    edges = np.linspace(word.start_s, word.end_s, len(tokens) + 1)
    for token, start_s, end_s in zip(tokens, edges[:-1], edges[1:], strict=True):
        target.say(token, _frames(start_s, end_s))


def _frames(start_s: float, end_s: float) -> tuple[int, int]:
    start = round(start_s / FRAME_S)
    return start, max(start + 1, round(end_s / FRAME_S))
