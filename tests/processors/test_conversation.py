from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.conversation import Conversation
from tests.processors.chain import Chain, End, chained
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    PhraseFrame,
    SayFrame,
    SegmentStartFrame,
)
from voice_agent.settings import ConversationSettings
from voice_agent.wire.agent import Interrupt, TypedText


class Ear(FrameProcessor):
    """Stands for all that makes an answer: of an interrupted one, one word was heard."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self.turn = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, AnswerStartFrame):
            self.turn = frame.turn
        if isinstance(frame, InterruptionFrame) and direction is FrameDirection.DOWNSTREAM:
            await self.end(interrupted=True, heard="Well")

    async def end(self, *, interrupted: bool, heard: str) -> None:
        end = AnswerEndFrame(turn=self.turn, interrupted=interrupted, heard_text=heard)
        await self.push_frame(end, FrameDirection.UPSTREAM)


def conversation() -> Conversation:
    return Conversation(session_id="s", system_prompt="", policy=ConversationSettings())


def final(text: str, *, complete: bool = True) -> FinalFrame:
    return FinalFrame(text=text, user_id="", timestamp="", turn_complete=complete)


def typed(text: str) -> ClientMessageFrame:
    return ClientMessageFrame(message=TypedText(type="text", text=text))


def asked(end: End) -> list[list[tuple[str, str]]]:
    """What the model was given, each time."""
    return [
        [(str(m["role"]), str(m["content"])) for m in frame.context.get_messages()]  # pyright: ignore
        for frame in end.of(LLMContextFrame)
    ]


def events(chain: Chain) -> list[type]:
    kinds = (AnswerStartFrame, LLMContextFrame, InterruptionFrame)
    return [type(frame) for frame in chain.down.frames if isinstance(frame, kinds)]


async def test_a_final_becomes_a_question() -> None:
    async with chained(conversation()) as chain:
        await chain.send(SegmentStartFrame(), final("hello"))
        assert events(chain) == [AnswerStartFrame, LLMContextFrame]
        assert chain.down.of(AnswerStartFrame)[0].typed is False
        assert asked(chain.down) == [[("user", "hello")]]


async def test_parts_of_a_long_turn_are_one_question() -> None:
    async with chained(conversation()) as chain:
        await chain.send(final("one", complete=False), final("two", complete=False), final(""))
        assert asked(chain.down) == [[("user", "one two")]]


async def test_nothing_said_is_no_question() -> None:
    async with chained(conversation()) as chain:
        await chain.send(SegmentStartFrame(), final(" "), final(""))
        assert events(chain) == []


async def test_only_an_answer_can_be_interrupted() -> None:
    interrupt = ClientMessageFrame(message=Interrupt(type="interrupt"))
    async with chained(conversation(), Ear()) as chain:
        await chain.send(interrupt, SegmentStartFrame())
        assert events(chain) == []
        await chain.send(typed("hello"), interrupt, interrupt, SegmentStartFrame())
        assert events(chain) == [AnswerStartFrame, LLMContextFrame, InterruptionFrame]


async def test_a_new_question_knows_what_was_heard_of_the_last_answer() -> None:
    async with chained(conversation(), Ear()) as chain:
        await chain.send(typed("first"), typed("second"))
    assert asked(chain.down)[1] == [("user", "first"), ("assistant", "Well"), ("user", "second")]


async def test_an_answer_heard_to_its_end_is_remembered_and_not_interrupted() -> None:
    ear = Ear()
    async with chained(conversation(), ear) as chain:
        await chain.send(typed("first"))
        await ear.end(interrupted=False, heard="Well, yes.")
        await chain.send(typed("second"))
    assert InterruptionFrame not in events(chain)
    assert asked(chain.down)[1][1] == ("assistant", "Well, yes.")


async def test_a_long_conversation_forgets_its_beginning() -> None:
    async with chained(conversation(), Ear()) as chain:
        await chain.send(*(typed(str(i)) for i in range(100)))
    assert len(asked(chain.down)[-1]) <= 161
    assert asked(chain.down)[-1][-1] == ("user", "99")


async def test_what_it_is_asked_to_say_is_said_unasked_and_remembered() -> None:
    async with chained(conversation()) as chain:
        await chain.send(TTSSpeakFrame("Hello there."))
        assert chain.down.of(TTSSpeakFrame) == []
        [start] = chain.down.of(AnswerStartFrame)
        [say] = chain.down.of(SayFrame)
        assert (start.asked, say.text, say.told) == (False, "Hello there.", True)


async def test_what_no_context_should_have_is_said_and_not_remembered() -> None:
    async with chained(conversation()) as chain:
        await chain.send(TTSSpeakFrame("Hello there.", append_to_context=False))
        [say] = chain.down.of(SayFrame)
        assert (say.text, say.told) == ("Hello there.", False)


async def test_in_the_middle_of_an_answer_it_is_a_phrase_of_that() -> None:
    async with chained(conversation()) as chain:
        await chain.send(final("hello"), TTSSpeakFrame("One moment."))
        assert [frame.text for frame in chain.down.of(PhraseFrame)] == ["One moment."]
        assert len(chain.down.of(AnswerStartFrame)) == 1
