"""Streams through the whole engine on a small checkpoint: joins, neighbours, cancels."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # pyright: ignore[reportMissingImports]

from tests.engines.chatterbox.streaming import distance, joined, request, spoken
from tools.make_test_chatterbox import checkpoint, random_voice
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.guards import EndGuard
from voice_agent.engines.chatterbox.hift import VocoderJob
from voice_agent.engines.chatterbox.model import ChatterboxModel, ModelOptions
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.spec import ENGLISH, SAMPLES_PER_TOKEN
from voice_agent.engines.chatterbox.utterance import AllDrawn, Audio, Request, Utterance
from voice_agent.engines.chatterbox.windows import ChunkWindow

_MS = 24  # samples


@pytest.fixture(scope="module")
def model() -> ChatterboxModel:
    """Whose utterances have 20 tokens: two windows."""
    options = ModelOptions(slots=16, positions=256, prompt_s=2.0, flow_steps=2)
    return ChatterboxModel(find_checkpoint(checkpoint(20)), options)


@pytest.fixture(autouse=True)
def inference() -> Any:
    with torch.inference_mode():
        yield


class Recording(ChatterboxModel):
    """Keeps the tokens that are drawn."""

    drawn: list[int]

    def step(self, going: Any) -> Any:
        read = super().step(going)

        def kept() -> Any:
            tokens = read()
            self.drawn.append(tokens[going[0]])
            return tokens

        return kept


def one_shot(model: ChatterboxModel, asked: Request, tokens: list[int]) -> np.ndarray:
    """The same tokens in one window and one piece of audio."""
    utterance = Utterance(
        request=asked, came_s=0.0, vocoder=None, guard=EndGuard(1000), tokens=tokens
    )
    cut = ChunkWindow(start=0, end=len(tokens), last=True)
    batch = model._flow.begin([model._window(utterance, cut)], ENGLISH.flow_steps)
    while not batch.done:
        model._flow.advance(batch)
    state = model.start_vocoder(asked.seed)
    job = VocoderJob(state=state, frames=batch.spectrograms()[0], hold=0)
    return model._vocoder.render([job])[0].numpy()


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def test_streamed_audio_has_neither_dips_nor_clicks_at_its_joins(folder: Path) -> None:
    options = ModelOptions(slots=1, positions=256, prompt_s=2.0)
    model = Recording(find_checkpoint(folder), options)
    dips: list[float] = []
    steps: list[float] = []
    for number in range(4):
        model.drawn = []
        asked = request(model, number, chunk_tokens=20)
        pieces = spoken(Scheduler(model), asked)[number]
        streamed = joined(pieces)
        tokens = [token for token in model.drawn if token < 6561]
        whole = one_shot(model, asked, tokens)
        assert len(streamed) == len(whole) == len(tokens) * SAMPLES_PER_TOKEN
        at = 0
        for piece in pieces[:-1]:
            at += len(piece.samples)
            around = loudness(streamed[at - 100 * _MS : at + 100 * _MS])
            dips.append(loudness(streamed[at : at + 5 * _MS]) / around)
            usual = np.abs(np.diff(streamed[at - 100 * _MS : at + 100 * _MS]))
            steps.append(abs(float(streamed[at] - streamed[at - 1])) / float(usual.max()))
        # random weights exaggerate what a window further on changes; it is the same speech
        assert loudness(streamed) == pytest.approx(loudness(whole), rel=0.1)
        assert loudness(streamed[-50 * _MS :]) > 0
    assert len(dips) >= 12
    assert np.mean(dips) >= 0.9
    assert min(dips) >= 0.6  # 5 ms of noise are louder here and softer there
    assert max(steps) <= 1.0


def test_sixteen_streams_in_sixteen_voices_are_each_as_alone(model: ChatterboxModel) -> None:
    together = spoken(
        Scheduler(model, max_joins=3), *(request(model, number) for number in range(16))
    )
    audio = {number: joined(pieces) for number, pieces in together.items()}
    for number in range(16):
        alone = joined(spoken(Scheduler(model), request(model, number))[number])
        assert alone.shape == audio[number].shape
        # pitch adds up: 1e-6 of it is 1e-3 of a phase after two seconds
        assert distance(audio[number], alone) < 5e-3
    others = [distance(audio[i], audio[i + 1]) for i in range(15)]
    assert min(others) > 0.05


def test_cancelled_streams_change_no_neighbour(model: ChatterboxModel) -> None:
    expected = joined(spoken(Scheduler(model), request(model, 1))[1])
    dice = random.Random(0)
    scheduler = Scheduler(model)
    scheduler.admit(request(model, 1))
    number, heard = 2, []
    while (events := scheduler.tick()) is not None:
        heard += [e for e in events if isinstance(e, Audio) and e.number == 1]
        if dice.random() < 0.2 and 1 in scheduler.open_numbers:
            number += 1
            scheduler.admit(request(model, number, text=list(range(3, 9 + number % 9))))
        others = [n for n in scheduler.open_numbers if n != 1]
        if others and dice.random() < 0.2:
            scheduler.cancel(dice.choice(others))
    assert distance(joined(heard), expected) < 5e-3
    assert scheduler.free_slots == 16


def test_equal_seeds_sound_alike_and_others_do_not(model: ChatterboxModel) -> None:
    def said(seed: int) -> np.ndarray:
        return joined(spoken(Scheduler(model), request(model, 1, seed=seed))[1])

    assert np.array_equal(said(5), said(5))
    assert not np.array_equal(said(5), said(6))


def test_another_voice_sounds_different(model: ChatterboxModel) -> None:
    mine = joined(spoken(Scheduler(model), request(model, 1))[1])
    other = request(model, 1, voice=model.voice("x", random_voice(99, 2.0)))
    assert distance(joined(spoken(Scheduler(model), other)[1]), mine) > 0.05


def test_all_drawn_comes_before_the_last_audio(model: ChatterboxModel) -> None:
    scheduler = Scheduler(model)
    scheduler.admit(request(model, 1))
    order: list[str] = []
    while (events := scheduler.tick()) is not None:
        order += [type(e).__name__ for e in events if isinstance(e, AllDrawn | Audio)]
    assert order.index("AllDrawn") < len(order) - 1
