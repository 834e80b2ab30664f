"""A thousand requests, and a thousand that are dropped: `make test-tts-all` runs this."""

import gc
import random
from dataclasses import replace
from typing import Any

import psutil
import pytest
import torch  # pyright: ignore[reportMissingImports]

from tests.engines.chatterbox.streaming import distance, joined, request, spoken
from tools.make_test_chatterbox import checkpoint, random_voice
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.model import ChatterboxModel, ModelOptions
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.utterance import Audio, Request

pytestmark = pytest.mark.slow

SLOTS = 8
TEXT = list(range(3, 20))


@pytest.fixture(autouse=True)
def inference() -> Any:
    with torch.inference_mode():
        yield


def model_of(n_tokens: int) -> ChatterboxModel:
    options = ModelOptions(slots=SLOTS, positions=128, prompt_s=1.0, flow_steps=1)
    return ChatterboxModel(find_checkpoint(checkpoint(n_tokens)), options)


class Crowd:
    """A full scheduler that random utterances join and are dropped from.

    Args:
        model: What speaks.
    """

    def __init__(self, model: ChatterboxModel) -> None:
        self._model = model
        self._dice = random.Random(0)
        self._number = 1000
        self.scheduler = Scheduler(model, max_joins=3)
        self.dropped: set[int] = set()
        self.heard: dict[int, list[Audio]] = {}  # of those that stay

    def stay(self, asked: Request) -> None:
        self.heard[asked.number] = []
        self.scheduler.admit(asked)

    def fill(self) -> None:
        while len(self.scheduler.open_numbers) < SLOTS + 2:
            self._number += 1
            voice = self._model.voice(f"w{self._number % 20}", random_voice(self._number % 20, 1.0))
            text = TEXT[: 4 + self._number % 12]
            self.scheduler.admit(
                Request(number=self._number, text=text, voice=voice, seed=self._number)
            )

    def tick(self) -> bool:
        events = self.scheduler.tick()
        for event in events or ():
            assert event.number not in self.dropped
            if isinstance(event, Audio) and event.number in self.heard:
                self.heard[event.number].append(event)
        return events is not None

    def run_a_little(self) -> None:
        for _ in range(self._dice.randrange(6)):
            self.tick()

    def drop_some(self) -> None:
        leaving = [n for n in self.scheduler.open_numbers if n not in self.heard]
        for chosen in self._dice.sample(leaving, min(len(leaving), self._dice.randrange(1, 4))):
            self.scheduler.cancel(chosen)
            self.dropped.add(chosen)


def test_a_thousand_cancels_leak_no_slot_and_change_no_neighbour() -> None:
    model = model_of(20)
    staying = [request(model, number, text=TEXT) for number in range(1, 13)]
    alone = [joined(spoken(Scheduler(model), one)[one.number]) for one in staying]
    crowd = Crowd(model)
    while len(crowd.dropped) < 1000:
        if len(crowd.heard) < len(staying) and len(crowd.dropped) >= 75 * len(crowd.heard):
            crowd.stay(staying[len(crowd.heard)])
        crowd.fill()
        crowd.run_a_little()
        crowd.drop_some()
    while crowd.tick():
        pass
    assert crowd.scheduler.free_slots == SLOTS
    assert not crowd.scheduler.open_numbers
    assert len(crowd.heard) == len(staying)
    for one, expected in zip(staying, alone, strict=True):
        assert distance(joined(crowd.heard[one.number]), expected) < 5e-3


def test_a_thousand_requests_leave_nothing_behind() -> None:
    model = model_of(4)
    scheduler = Scheduler(model, max_joins=SLOTS)
    process = psutil.Process()
    sizes: list[tuple[int, int, int]] = []
    for _ in range(10):
        for batch in range(13):
            asked = [
                replace(request(model, 1 + i % 3, text=[3, 4, 5 + i]), number=SLOTS * batch + i)
                for i in range(SLOTS)
            ]
            heard = spoken(scheduler, *asked)
            assert all(of[-1].last for of in heard.values())
        gc.collect()
        sizes.append((_n_hooks(model), _n_tensors(), process.memory_info().rss))
    assert scheduler.free_slots == SLOTS
    hooks, tensors, bytes_ = zip(*sizes, strict=True)
    assert set(hooks) == {0}
    assert tensors[-1] == tensors[1]
    assert bytes_[-1] - bytes_[2] < 10e6, sizes


def _n_hooks(model: ChatterboxModel) -> int:
    modules = [model._flow._flow, model._vocoder._stock, model._t3._weights.conditioner]
    return sum(
        len(part._forward_hooks) + len(part._forward_pre_hooks)
        for module in modules
        for part in module.modules()
    )


def _n_tensors() -> int:
    return sum(1 for thing in gc.get_objects() if type(thing) is torch.Tensor)
