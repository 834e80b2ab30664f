"""Phrases within answers, before them and alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMTextFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.conversation import Conversation
from processors.phrases import PhrasePlayer
from processors.playback_tracker import PlaybackTracker
from tests.processors.chain import Chain, chained
from tests.scripted_cloner import CHAR_S, ScriptedCloner
from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    PhraseAudioFrame,
    PhraseFrame,
    SayFrame,
    SpokenAudioFrame,
)
from voice_agent.settings import ConversationSettings, Settings, VoicesSettings
from voice_agent.synthesis.prompt_cache import PromptCache
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.agent import TypedText

HZ = 24_000
# three characters are 0.18 s of sound
MANNERS = ConversationSettings(filler="Hm.", apology="Oh.")
PHRASE_S = 3 * CHAR_S


@pytest.fixture
def book(tmp_path: Path) -> PromptCache:
    speaker = ScriptedCloner()
    settings = Settings(voices=VoicesSettings(dir=tmp_path))
    phrases = {"filler": MANNERS.filler, "apology": MANNERS.apology}
    voices = VoiceRegistry(speaker, settings)
    return PromptCache(speaker, voices, voice_id="default", phrases=phrases)


@asynccontextmanager
async def talking(book: PromptCache, *behind: FrameProcessor) -> AsyncIterator[Chain]:
    tracker = PlaybackTracker(session_id="s", max_ahead_s=10)
    player = PhrasePlayer(session_id="s", book=book, ahead_s=lambda: tracker.ahead_s)
    conversation = Conversation(session_id="s", system_prompt="", policy=MANNERS)
    async with chained(conversation, player, tracker, *behind) as chain:
        yield chain


def spoken(seconds: float, start: int, end: int) -> SpokenAudioFrame:
    silence = np.zeros(round(seconds * HZ), np.int16).tobytes()
    return SpokenAudioFrame(silence, HZ, 1, text_start=start, text_end=end)


def question(text: str = "hello") -> ClientMessageFrame:
    return ClientMessageFrame(message=TypedText(type="text", text=text))


def sounds(chain: Chain) -> list[str]:
    """What is heard, in order: words of phrases, `-` for the rest of one, `A` for an answer."""
    return [
        (frame.words or "-") if isinstance(frame, PhraseAudioFrame) else "A"
        for frame in chain.down.of(SpokenAudioFrame)
    ]


def ended(chain: Chain) -> list[tuple[int, str]]:
    return [(end.turn, end.heard_text) for end in chain.down.of(AnswerEndFrame)]


async def heard(chain: Chain) -> list[tuple[int, str]]:
    await chain.down.until(AnswerEndFrame)
    return ended(chain)


async def test_a_filler_comes_before_the_answer_and_is_none_of_it(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(question(), PhraseFrame(phrase="filler"))
        phrase = await chain.down.until(PhraseAudioFrame)
        assert (phrase.text_start, phrase.text_end, phrase.words) == (0, 0, "Hm.")
        await chain.send(LLMTextFrame("One."), spoken(0.05, 0, 4), TTSStoppedFrame())
        assert await heard(chain) == [(1, "One.")]
    assert sounds(chain)[-1] == "A"
    assert len(chain.down.of(AnswerStartFrame)) == 1


async def test_nothing_counts_as_heard_while_the_filler_is(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(question(), PhraseFrame(phrase="filler"))
        await chain.down.until(PhraseAudioFrame)
        await chain.send(LLMTextFrame("One."), spoken(0.01, 0, 4), InterruptionFrame())
        assert ended(chain) == [(1, "")]


async def test_a_filler_is_not_said_into_an_answer(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(question(), LLMTextFrame("One. Two."), spoken(0.3, 0, 4))
        await chain.send(PhraseFrame(phrase="filler"), spoken(0.1, 4, 9), TTSStoppedFrame())
        assert await heard(chain) == [(1, "One. Two.")]
    assert sounds(chain) == ["A", "A"]


async def test_a_filler_is_said_when_the_answer_has_run_dry(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(question(), LLMTextFrame("One. Two."), spoken(0.1, 0, 4))
        await chain.send(PhraseFrame(phrase="filler"))
        assert sounds(chain) == ["A"]
        phrase = await chain.down.until(PhraseAudioFrame)
        assert (phrase.text_start, phrase.text_end) == (4, 4)
        await chain.send(spoken(0.1, 4, 9), TTSStoppedFrame())
        assert await heard(chain) == [(1, "One. Two.")]


async def test_an_apology_ends_an_answer_that_broke_off(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(question(), LLMTextFrame("One."), spoken(0.3, 0, 4))
        await chain.send(PhraseFrame(phrase="apology"), spoken(0.1, 4, 4), TTSStoppedFrame())
        assert sounds(chain)[:3] == ["A", "A", "Oh."]
        assert await heard(chain) == [(1, "One.")]


async def test_an_interruption_cuts_a_phrase(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(question(), spoken(0.2, 0, 4), PhraseFrame(phrase="apology"))
        await chain.send(InterruptionFrame())
        await asyncio.sleep(0.3)
        assert sounds(chain) == ["A"]


async def test_a_phrase_alone_is_an_answer_without_text(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(PhraseFrame(text="Ah."))
        assert await heard(chain) == [(1, "")]
        start = chain.down.of(AnswerStartFrame)[0]
        assert (start.turn, start.asked) == (1, False)
        assert sounds(chain)[0] == "Ah."
        assert chain.down.of(LLMTextFrame) == []
        await chain.send(question())
        assert [start.turn for start in chain.down.of(AnswerStartFrame)] == [1, 2]
    # it is no part of what was said
    [asked] = chain.down.of(LLMContextFrame)
    assert [m["role"] for m in asked.context.get_messages()] == ["user"]  # pyright: ignore


async def test_a_question_during_a_phrase_is_answered_after_it(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(PhraseFrame(phrase="filler"))
        await chain.down.until(AnswerStartFrame)
        await chain.send(question())
        assert chain.down.of(AnswerContinuesFrame)[0].turn == 1
        # longer than the phrase
        await asyncio.sleep(PHRASE_S + 0.3)
        assert ended(chain) == []
        await chain.send(LLMTextFrame("One."), spoken(0.05, 0, 4), TTSStoppedFrame())
        assert await heard(chain) == [(1, "One.")]
    assert len(chain.down.of(AnswerStartFrame)) == 1
    assert chain.down.of(InterruptionFrame) == []


class AsksAtOnce(FrameProcessor):
    """A client that has its next question ready, and puts it while it is told of an end."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self.ask: Callable[[], Awaitable[None]] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, AnswerEndFrame) and self.ask is not None:
            ask, self.ask = self.ask, None
            await ask()


async def test_a_question_at_the_very_end_of_a_phrase_has_an_answer_of_its_own(
    book: PromptCache,
) -> None:
    client = AsksAtOnce()
    async with talking(book, client) as chain:
        client.ask = lambda: chain.send(question())
        await chain.send(PhraseFrame(text="Ah."))
        await chain.down.until(LLMContextFrame)
        assert [start.turn for start in chain.down.of(AnswerStartFrame)] == [1, 2]
    assert chain.down.of(AnswerContinuesFrame) == []


async def test_what_is_told_is_the_answer(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(AnswerStartFrame(turn=1, asked=False), SayFrame(text="Welcome!"))
        assert await heard(chain) == [(1, "Welcome!")]
        assert [frame.text for frame in chain.down.of(LLMTextFrame)] == ["Welcome!"]
        assert set(sounds(chain)) == {"A"}


async def test_a_phrase_that_is_switched_off_is_not_said(tmp_path: Path) -> None:
    speaker = ScriptedCloner()
    voices = VoiceRegistry(speaker, Settings(voices=VoicesSettings(dir=tmp_path)))
    book = PromptCache(speaker, voices, voice_id="default", phrases={"filler": ""})
    async with talking(book) as chain:
        await chain.send(question(), PhraseFrame(phrase="filler"))
        await chain.send(spoken(0.05, 0, 4), TTSStoppedFrame())
        await heard(chain)
        assert sounds(chain) == ["A"]


async def test_a_phrase_after_the_end_of_an_answer_is_another_one(book: PromptCache) -> None:
    async with talking(book) as chain:
        await chain.send(question(), LLMTextFrame("One."), spoken(0.3, 0, 4), TTSStoppedFrame())
        await chain.send(PhraseFrame(phrase="apology"))
        async with asyncio.timeout(5):
            while len(ended(chain)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert ended(chain) == [(1, "One."), (2, "")]
    assert [start.turn for start in chain.down.of(AnswerStartFrame)] == [1, 2]
