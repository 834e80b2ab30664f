"""Answers to questions that may not be over: kept back, given, or thrown away."""

import asyncio

from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.conversation import Conversation
from processors.speculation import SpeculativeResponse
from tests.processors.chain import Chain, chained
from voice_agent.frames import (
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    PartialFrame,
    PhraseFrame,
    SegmentStartFrame,
)
from voice_agent.settings import ConversationSettings
from voice_agent.wire.agent import TypedText


class _Repeating(FrameProcessor):
    """Answers with what was asked, in two pieces; does something before the second."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self.asked: list[str] = []
        self.done: list[str] = []
        self.may_end = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        text = str(frame.context.get_messages()[-1]["content"])  # pyright: ignore
        self.asked.append(text)
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(f"{text}?"))
        await self.push_frame(PhraseFrame(phrase="filler"))
        await self.may_end.wait()
        await self.until_asked()  # pyright: ignore
        self.done.append(text)
        await self.push_frame(LLMTextFrame("!"))
        await self.push_frame(LLMFullResponseEndFrame())


class Repeating(SpeculativeResponse, _Repeating):
    """As a language model answers."""


def conversation(*, speculative: bool = True) -> Conversation:
    policy = ConversationSettings(speculative=speculative)
    return Conversation(session_id="s", system_prompt="", policy=policy)


def paused(text: str) -> PartialFrame:
    return PartialFrame(text=text, user_id="", timestamp="", at_pause=True)


def final(text: str, *, complete: bool = True) -> FinalFrame:
    return FinalFrame(text=text, user_id="", timestamp="", turn_complete=complete)


def answers(chain: Chain) -> list[str]:
    return [frame.text for frame in chain.down.of(LLMTextFrame)]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_answer_is_there_when_the_turn_ends_as_it_was_guessed() -> None:
    model = Repeating()
    async with chained(conversation(), model) as chain:
        await chain.send(SegmentStartFrame(), paused("What time is it"))
        await settle()
        assert model.asked == ["What time is it"]
        assert answers(chain) == []
        assert chain.down.of(AnswerStartFrame) == []
        # case and marks do not count
        await chain.send(final("what time is it?"))
        await settle()
        assert answers(chain) == ["What time is it?"]
        assert len(chain.down.of(AnswerStartFrame)) == 1
        model.may_end.set()
        await chain.down.until(LLMFullResponseEndFrame)
        assert answers(chain) == ["What time is it?", "!"]
        assert chain.down.of(PhraseFrame) == []
    assert model.asked == ["What time is it"]


async def test_it_is_thrown_away_when_the_caller_goes_on() -> None:
    model = Repeating()
    model.may_end.set()
    async with chained(conversation(), model) as chain:
        await chain.send(SegmentStartFrame(), paused("what time"))
        await settle()
        await chain.send(SegmentStartFrame(), paused("what time is it"), final("what time is it"))
        await chain.down.until(LLMFullResponseEndFrame)
        assert answers(chain) == ["what time is it?", "!"]
    assert model.asked == ["what time", "what time is it"]
    assert model.done == ["what time is it"]


async def test_it_is_thrown_away_when_the_final_differs() -> None:
    model = Repeating()
    model.may_end.set()
    async with chained(conversation(), model) as chain:
        await chain.send(SegmentStartFrame(), paused("what rhyme"))
        await settle()
        await chain.send(final("what time"))
        await chain.down.until(LLMFullResponseEndFrame)
        assert answers(chain) == ["what time?", "!"]
    assert model.done == ["what time"]


async def test_nothing_is_done_for_a_question_that_was_none() -> None:
    model = Repeating()
    model.may_end.set()
    async with chained(conversation(), model) as chain:
        await chain.send(SegmentStartFrame(), paused("hm"))
        await settle()
        await chain.send(final(""))
        await settle()
        assert answers(chain) == []
        assert chain.down.of(AnswerStartFrame) == []
        await chain.send(ClientMessageFrame(message=TypedText(type="text", text="hello")))
        await chain.down.until(LLMFullResponseEndFrame)
    assert model.done == ["hello"]


async def test_the_parts_of_a_long_turn_are_one_question() -> None:
    model = Repeating()
    async with chained(conversation(), model) as chain:
        await chain.send(SegmentStartFrame(), final("one", complete=False), paused("two"))
        await settle()
        await chain.send(final("two"))
        await settle()
        assert answers(chain) == ["one two?"]
    assert model.asked == ["one two"]


async def test_nobody_guesses_unless_told_to() -> None:
    model = Repeating()
    async with chained(conversation(speculative=False), model) as chain:
        await chain.send(SegmentStartFrame(), paused("what time is it"))
        await settle()
        assert model.asked == []
        await chain.send(final("what time is it"))
        await chain.down.until(LLMTextFrame)
