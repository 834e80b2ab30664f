"""The owner on a model that computes nothing: what fails around the model is told as well."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import numpy as np
import pytest

from tests.engines.chatterbox.scripted_model import ScriptedModel
from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.model_thread import Broken, Loaded, ModelThread
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.utterance import Audio, Event, Lead, Request


class Marker:
    """A watermark that changes nothing, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures

    def mark(self, samples: Samples) -> Samples:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("scripted: no mark")
        return samples.copy()


class Heard:
    """What the owner has told."""

    def __init__(self) -> None:
        self.events: list[Event | Broken] = []
        self._news = asyncio.Event()

    def hear(self, events: Sequence[Event | Broken]) -> None:
        self.events += events
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                self._news.clear()
                await self._news.wait()

    @property
    def broken(self) -> list[str]:
        return [event.why for event in self.events if isinstance(event, Broken)]

    def whole(self, number: int) -> bool:
        return any(isinstance(e, Audio) and e.last and e.number == number for e in self.events)


@asynccontextmanager
async def owning(marker: Any) -> AsyncGenerator[tuple[ModelThread, Heard]]:
    heard = Heard()
    owner = ModelThread(heard.hear)
    await owner.open(
        lambda: Loaded(
            make_scheduler=lambda: Scheduler(ScriptedModel()), mode=nullcontext, watermarker=marker
        )
    )
    try:
        yield owner, heard
    finally:
        await owner.close()


def request(number: int, text: Any = (1, 2, 3)) -> Request:
    return Request(number=number, text=text, voice=None, ahead=Lead(heard_s=1e6))


async def test_a_watermark_that_fails_is_told_and_the_next_utterance_is_spoken() -> None:
    async with owning(Marker(failures=1)) as (owner, heard):
        owner.admit(request(1))
        await heard.until(lambda: bool(heard.broken))
        assert heard.broken == ["scripted: no mark"]
        owner.cancel(1)
        owner.admit(request(2))
        await heard.until(lambda: heard.whole(2))
        assert owner.healthy


async def test_a_mistake_in_what_is_asked_for_does_not_end_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with owning(None) as (owner, heard):

        def refuse(*_: Any) -> None:
            raise RuntimeError("scripted: no cancel")

        monkeypatch.setattr(Scheduler, "cancel", refuse)
        owner.cancel(7)
        await heard.until(lambda: bool(heard.broken))
        monkeypatch.undo()
        owner.admit(request(2))
        await heard.until(lambda: heard.whole(2))
        assert owner.healthy
        audio = [e.samples for e in heard.events if isinstance(e, Audio)]
        assert len(np.concatenate(audio)) > 0
