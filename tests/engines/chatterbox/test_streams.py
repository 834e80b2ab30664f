"""Streams through the whole engine on a small checkpoint: joins, neighbours, cancels."""

import gc
import random
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch  # pyright: ignore[reportMissingImports]

from tools.make_test_chatterbox import checkpoint, random_voice
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.guards import EndGuard
from voice_agent.engines.chatterbox.hift import VocoderJob
from voice_agent.engines.chatterbox.model import ChatterboxModel, ModelOptions
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.spec import ENGLISH, SAMPLES_PER_TOKEN
from voice_agent.engines.chatterbox.utterance import Ahead, AllDrawn, Audio, Request, Utterance
from voice_agent.engines.chatterbox.windows import Cut

_MS = 24  # samples


@pytest.fixture(scope="module")
def model(folder: Path) -> ChatterboxModel:
    options = ModelOptions(slots=16, positions=256, prompt_s=2.0)
    return ChatterboxModel(find_checkpoint(folder), options)


@pytest.fixture(autouse=True)
def inference() -> Any:
    with torch.inference_mode():
        yield


def request(model: ChatterboxModel, number: int, **changed: Any) -> Request:
    voice = model.voice(f"v{number}", random_voice(number, 1.0 + number % 3))
    given = {"text": list(range(3, 12 + number)), "voice": voice, "seed": number}
    return Request(number=number, **{**given, "ahead": Ahead(heard_s=1e6), **changed})


def spoken(scheduler: Scheduler, *requests: Request) -> dict[int, list[Audio]]:
    """The pieces of each request, all requests at once."""
    for one in requests:
        scheduler.admit(one)
    pieces: dict[int, list[Audio]] = {one.number: [] for one in requests}
    while (events := scheduler.tick()) is not None:
        for event in events:
            if isinstance(event, Audio):
                pieces[event.number].append(event)
    return pieces


def joined(pieces: list[Audio]) -> np.ndarray:
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return np.concatenate([piece.samples for piece in pieces])


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
    cut = Cut(start=0, end=len(tokens), last=True)
    batch = model._flow.begin([model._window(utterance, cut)], ENGLISH.flow_steps)
    while not batch.done:
        model._flow.advance(batch)
    state = model.start_vocoder(asked.seed)
    job = VocoderJob(state=state, frames=batch.spectrograms()[0], hold=0)
    return model._vocoder.render([job])[0].numpy()


def distance(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


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


@pytest.mark.slow
def test_memory_stays_what_it_was_over_many_requests() -> None:
    options = ModelOptions(slots=8, positions=128, prompt_s=1.0, flow_steps=2)
    model = ChatterboxModel(find_checkpoint(checkpoint(4)), options)
    scheduler = Scheduler(model, max_joins=8)
    process, sizes = psutil.Process(), []
    for round_ in range(8):
        for batch in range(3):
            asked = [
                request(
                    model,
                    8 * batch + i,
                    text=[3, 4, 5 + i],
                    voice=model.voice(f"r{(round_ + i) % 12}", random_voice(i, 1.0)),
                )
                for i in range(8)
            ]
            assert all(pieces[-1].last for pieces in spoken(scheduler, *asked).values())
        gc.collect()
        sizes.append(process.memory_info().rss)
    assert scheduler.free_slots == 8
    assert sizes[-1] - sizes[3] < 20e6


def test_all_drawn_comes_before_the_last_audio(model: ChatterboxModel) -> None:
    scheduler = Scheduler(model)
    scheduler.admit(request(model, 1))
    order: list[str] = []
    while (events := scheduler.tick()) is not None:
        order += [type(e).__name__ for e in events if isinstance(e, AllDrawn | Audio)]
    assert order.index("AllDrawn") < len(order) - 1
