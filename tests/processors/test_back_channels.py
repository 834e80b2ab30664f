"""Speech during an answer: held, and then resumed or interrupted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMTextFrame,
    TTSStoppedFrame,
)

from processors.conversation import Conversation
from processors.playback_tracker import PlaybackTracker
from tests.processors.chain import Chain, chained
from voice_agent.frames import (
    AnswerEndFrame,
    ClientMessageFrame,
    FinalFrame,
    HoldFrame,
    PartialFrame,
    ResumeFrame,
    SegmentEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    SpokenAudioFrame,
)
from voice_agent.settings import ConversationSettings
from voice_agent.wire.agent import Interrupt, TypedText

HZ = 24_000
TEXT = "one two three four five"


@asynccontextmanager
async def talking(**policy: object) -> AsyncIterator[Chain]:
    """An agent in the middle of an answer of 2.3 s, a letter every 0.1 s."""
    settings = ConversationSettings.model_validate(policy)
    conversation = Conversation(session_id="s", system_prompt="", policy=settings)
    async with chained(conversation, PlaybackTracker(session_id="s", max_ahead_s=10)) as chain:
        await chain.send(ClientMessageFrame(message=TypedText(type="text", text="hello")))
        await chain.send(LLMTextFrame(TEXT), spoken(0, 23))
        chain.down.frames.clear()
        yield chain


def spoken(start: int, end: int) -> SpokenAudioFrame:
    """Every sample says where in the whole answer it is, in hundredths of a second."""
    places = np.arange(start * HZ // 10, end * HZ // 10) * 100 // HZ
    audio = places.astype(np.int16).tobytes()
    return SpokenAudioFrame(audio, HZ, 1, text_start=start, text_end=end)


def partial(text: str, *, at_pause: bool = False) -> PartialFrame:
    return PartialFrame(text=text, user_id="", timestamp="", at_pause=at_pause)


def final(text: str) -> FinalFrame:
    return FinalFrame(text=text, user_id="", timestamp="", spoken_language="en")


def pause(text: str) -> list[Frame]:
    """Speech is over, and decoded."""
    return [SegmentPauseFrame(), SegmentEndFrame(), partial(text, at_pause=True)]


def events(chain: Chain) -> list[type]:
    kinds = (HoldFrame, ResumeFrame, InterruptionFrame, SpokenAudioFrame, LLMContextFrame)
    return [type(frame) for frame in chain.down.frames if isinstance(frame, kinds)]


def questions(chain: Chain) -> list[str]:
    return [str(f.context.get_messages()[-1]["content"]) for f in chain.down.of(LLMContextFrame)]  # pyright: ignore


async def test_an_answer_goes_on_after_a_back_channel() -> None:
    async with talking() as chain:
        await asyncio.sleep(1.0)
        await chain.send(SegmentStartFrame())
        assert events(chain) == [HoldFrame]
        await chain.send(*pause("Okay."))
        assert events(chain) == [HoldFrame, ResumeFrame, SpokenAudioFrame]
        again = chain.down.of(SpokenAudioFrame)[0]
        # the beginning of the word that was cut
        first = np.frombuffer(again.audio, np.int16)[0] / 100
        assert 0.3 < first < 1.0
        assert TEXT[again.text_start :].startswith(("two", "three"))
        assert again.text_end == 23
        assert again.num_frames == len(again.audio) // 2
        assert 0.9 < chain.down.of(ResumeFrame)[0].played_s < 1.5
        await chain.send(final("Okay."), TTSStoppedFrame())
        end = await chain.down.until(AnswerEndFrame)
    assert (end.interrupted, end.heard_text) == (False, TEXT)
    assert questions(chain) == []


async def test_other_words_interrupt_the_answer_that_is_held() -> None:
    async with talking() as chain:
        await asyncio.sleep(0.5)
        await chain.send(SegmentStartFrame(), partial("Okay"))
        assert events(chain) == [HoldFrame]
        await asyncio.sleep(0.3)
        await chain.send(partial("Okay stop"))
        assert events(chain) == [HoldFrame, InterruptionFrame]
        end = chain.down.of(AnswerEndFrame)[0]
        # by the time when it was held
        assert (end.interrupted, end.heard_text) == (True, "one")
        await chain.send(*pause("Okay stop it."), final("Okay stop it."))
    assert questions(chain) == ["Okay stop it."]


async def test_speech_that_lasts_interrupts_without_a_text() -> None:
    async with talking() as chain:
        await chain.send(SegmentStartFrame())
        await chain.down.until(InterruptionFrame)
        # then whatever was said is a turn
        await chain.send(*pause("Okay."), final("Okay."))
    assert questions(chain) == ["Okay."]


async def test_a_caller_who_goes_on_after_a_back_channel_takes_the_turn() -> None:
    async with talking() as chain:
        await chain.send(SegmentStartFrame(), *pause("Yes."), SegmentStartFrame())
        assert events(chain) == [HoldFrame, ResumeFrame, SpokenAudioFrame, HoldFrame]
        await chain.send(*pause("Yes but why?"), final("Yes but why?"))
        assert events(chain)[4:] == [InterruptionFrame, LLMContextFrame]
    assert questions(chain) == ["Yes but why?"]


async def test_a_cough_lets_the_answer_go_on() -> None:
    async with talking() as chain:
        await chain.send(SegmentStartFrame(), SegmentPauseFrame(), SegmentEndFrame(), final(""))
        assert events(chain) == [HoldFrame, ResumeFrame, SpokenAudioFrame]


async def test_a_cough_before_the_answer_does_not_stop_it() -> None:
    policy = ConversationSettings()
    conversation = Conversation(session_id="s", system_prompt="", policy=policy)
    async with chained(conversation, PlaybackTracker(session_id="s", max_ahead_s=10)) as chain:
        await chain.send(ClientMessageFrame(message=TypedText(type="text", text="hello")))
        await chain.send(SegmentStartFrame())
        writing = asyncio.create_task(chain.send(LLMTextFrame("One."), spoken(0, 1)))
        await asyncio.sleep(0.05)
        # nothing of the answer comes while it is held
        assert chain.down.of(LLMTextFrame) == []
        await chain.send(SegmentPauseFrame(), SegmentEndFrame(), final(""))
        await writing
        assert events(chain) == [LLMContextFrame, HoldFrame, ResumeFrame, SpokenAudioFrame]


async def test_nothing_comes_while_it_is_held() -> None:
    async with talking() as chain:
        await chain.send(SegmentStartFrame())
        speaking = asyncio.create_task(chain.send(spoken(0, 5), TTSStoppedFrame()))
        await asyncio.sleep(0.2)
        assert events(chain) == [HoldFrame]
        assert chain.down.of(AnswerEndFrame) == []
        await chain.send(*pause("mhm"))
        await speaking
        # what was dropped comes before what is new
        lengths = [frame.num_frames for frame in chain.down.of(SpokenAudioFrame)]
        assert lengths[-1] == 5 * HZ // 10
        assert len(lengths) == 2


async def test_yes_in_the_last_word_is_an_answer() -> None:
    async with talking() as chain:
        await chain.send(TTSStoppedFrame())
        await asyncio.sleep(1.8)
        await chain.send(SegmentStartFrame(), *pause("Yes."), final("Yes."))
    assert questions(chain) == ["Yes."]


async def test_typed_text_and_interrupt_end_what_is_held() -> None:
    interrupt = ClientMessageFrame(message=Interrupt(type="interrupt"))
    for message in (interrupt, ClientMessageFrame(message=TypedText(type="text", text="stop"))):
        async with talking() as chain:
            await chain.send(SegmentStartFrame(), message)
            assert events(chain)[:2] == [HoldFrame, InterruptionFrame]
            chain.down.frames.clear()
            # nothing rings later
            await chain.send(SegmentPauseFrame(), SegmentEndFrame(), final(""))
            await asyncio.sleep(0.05)
            assert [kind for kind in events(chain) if kind is ResumeFrame] == []


async def test_any_speech_interrupts_where_back_channels_are_switched_off() -> None:
    async with talking(back_channels=False) as chain:
        await chain.send(SegmentStartFrame())
        assert events(chain) == [InterruptionFrame]
        await chain.send(*pause("Okay."), final("Okay."))
    assert questions(chain) == ["Okay."]


async def test_the_answer_to_a_late_final_is_not_spoken_into_what_follows() -> None:
    conversation = Conversation(session_id="s", system_prompt="", policy=ConversationSettings())
    async with chained(conversation, PlaybackTracker(session_id="s", max_ahead_s=10)) as chain:
        await chain.send(SegmentStartFrame(), SegmentPauseFrame(), SegmentEndFrame())
        await chain.send(SegmentStartFrame(), final("What time is it?"))
        assert events(chain) == [LLMContextFrame, HoldFrame]
        await chain.send(*pause("In Paris."), final("In Paris."))
        assert events(chain) == [LLMContextFrame, HoldFrame, InterruptionFrame, LLMContextFrame]
