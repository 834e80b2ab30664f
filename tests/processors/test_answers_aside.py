import asyncio

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.responder import Responder, by_rules, repeat
from processors.speculation import _MAX_KEPT, SpeculativeResponse
from tests.processors.chain import chained
from voice_agent.frames import PhraseFrame, SpeculationFrame, SpeculativeContextFrame


def question(text: str) -> LLMContextFrame:
    return LLMContextFrame(context=LLMContext([{"role": "user", "content": text}]))


async def test_an_answer_comes_as_a_language_model_gives_it() -> None:
    async with chained(Responder(repeat)) as chain:
        await chain.send(question("hello"))
        await chain.down.until(LLMFullResponseEndFrame)
    kinds = [type(frame) for frame in chain.down.frames]
    assert kinds == [LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame]
    assert chain.down.of(LLMTextFrame)[0].text == "hello"


async def test_the_rules_know_the_time() -> None:
    assert by_rules("what time is it").startswith("It is ")


class _Slow(FrameProcessor):
    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        try:
            while True:
                await self.push_frame(LLMTextFrame("on "))
                await asyncio.sleep(0)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())


class Slow(SpeculativeResponse, _Slow):
    """Talks until it is stopped, and says so."""


async def test_other_frames_pass_while_an_answer_is_made() -> None:
    async with chained(Slow()) as chain:
        await chain.send(question("hello"))
        await chain.down.until(LLMTextFrame)
        await chain.send(LLMFullResponseStartFrame())
        assert chain.down.of(LLMFullResponseStartFrame)


async def test_nothing_comes_of_an_answer_after_its_interruption() -> None:
    async with chained(Slow()) as chain:
        await chain.send(question("hello"))
        await chain.down.until(LLMTextFrame)
        await chain.send(InterruptionFrame())
        assert isinstance(chain.down.frames[-1], InterruptionFrame)
        assert not chain.down.of(LLMFullResponseEndFrame)
        chain.down.frames.clear()
        await chain.send(question("again"))
        await chain.down.until(LLMTextFrame)


class Reader(FrameProcessor):
    """Takes an answer's text when it is let."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self.may_read = asyncio.Semaphore(0)
        self.n_read = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame):
            await self.may_read.acquire()
            self.n_read += 1
        else:
            await self.push_frame(frame, direction)


async def test_an_answer_that_was_kept_back_does_not_pile_up_before_a_slow_reader() -> None:
    answers, reader = Slow(), Reader()
    async with chained(answers, reader) as chain:
        context = LLMContext([{"role": "user", "content": "hello"}])
        await chain.send(SpeculativeContextFrame(context=context))
        await _settle(2 * _MAX_KEPT)
        await chain.send(SpeculationFrame(confirmed=True))
        for _ in range(3):
            reader.may_read.release()
            await _settle(2 * _MAX_KEPT)
            assert answers._kept is not None
            assert len(answers._kept) == _MAX_KEPT
        assert reader.n_read == 3


async def _settle(n_steps: int) -> None:
    """Lets everything that can go on do so."""
    for _ in range(n_steps):
        await asyncio.sleep(0)


async def test_phrases_of_others_pass_after_an_interruption() -> None:
    async with chained(Slow()) as chain:
        await chain.send(question("hello"))
        await chain.send(InterruptionFrame())
        await chain.send(PhraseFrame(phrase="filler"))
        assert chain.down.of(PhraseFrame)
