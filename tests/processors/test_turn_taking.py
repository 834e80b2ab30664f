"""Whatever is said and done in whatever order, answers begin, pause and end in order."""

import asyncio
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import Frame, InterruptionFrame, LLMTextFrame

from processors.conversation import Conversation
from processors.phrases import PhrasePlayer
from processors.playback_tracker import PlaybackTracker
from processors.responder import Responder, repeat
from processors.text_to_speech import TextToSpeech
from tests.processors.chain import Chain, chained
from tests.scripted_cloner import ScriptedCloner
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    HoldFrame,
    PartialFrame,
    PhraseFrame,
    ResumeFrame,
    SegmentEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    SpokenAudioFrame,
)
from voice_agent.settings import ConversationSettings, Settings, VoicesSettings
from voice_agent.synthesis.prompt_cache import PromptCache
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.agent import Interrupt, Playback, TypedText

TEXTS = ("", "okay", "what time is it", "yes but why")
INTERRUPT = ClientMessageFrame(message=Interrupt(type="interrupt"))


def final(text: str) -> FinalFrame:
    return FinalFrame(text=text, user_id="", timestamp="", spoken_language="en")


def typed(text: str) -> ClientMessageFrame:
    return ClientMessageFrame(message=TypedText(type="text", text=text or "hm"))


def played(ms: float) -> ClientMessageFrame:
    return ClientMessageFrame(message=Playback(type="playback", played_ms=ms))


def heard(text: str, *, at_pause: bool = False) -> PartialFrame:
    return PartialFrame(text=text, user_id="", timestamp="", at_pause=at_pause)


EVENTS: tuple[Callable[[str], Frame], ...] = (
    lambda _: SegmentStartFrame(),
    lambda _: SegmentPauseFrame(),
    lambda _: SegmentEndFrame(),
    heard,
    lambda text: heard(text, at_pause=True),
    final,
    typed,
    lambda _: INTERRUPT,
    lambda text: played(100.0 * len(text)),
    lambda _: PhraseFrame(phrase="filler"),
    lambda _: PhraseFrame(phrase="apology"),
)
event = st.tuples(st.sampled_from(EVENTS), st.sampled_from(TEXTS), st.sampled_from((0, 0, 0.02)))


async def talk(events: list[tuple[Callable[[str], Frame], str, float]], folder: Path) -> Chain:
    policy = ConversationSettings(filler="Hm.", apology="Oh.", greeting="Hi.", speculative=True)
    speaker = ScriptedCloner()
    voices = VoiceRegistry(speaker, Settings(voices=VoicesSettings(dir=folder)))
    book = PromptCache(speaker, voices, voice_id="default", phrases=policy.phrases)
    tracker = PlaybackTracker(session_id="s", max_ahead_s=10)
    processors = (
        Conversation(session_id="s", system_prompt="", policy=policy),
        Responder(repeat),
        TextToSpeech(session_id="s", speaker=speaker, voice_id="default", max_chars=500),
        PhrasePlayer(session_id="s", book=book, ahead_s=lambda: tracker.ahead_s),
        tracker,
    )
    async with chained(*processors) as chain, asyncio.timeout(10):
        for make, text, wait_s in events:
            await chain.send(make(text))
            await asyncio.sleep(wait_s)
        # whatever was open is over
        await chain.send(SegmentPauseFrame(), SegmentEndFrame(), final(""), typed("the end"))
        # nothing announces a text of its own
        while not any(f.text == "the end" for f in chain.down.of(LLMTextFrame)):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        await chain.send(INTERRUPT)
        await asyncio.sleep(0.02)
        return chain


@settings(max_examples=150, deadline=None)
@given(st.lists(event, max_size=25))
def test_answers_begin_pause_and_end_in_order(
    events: list[tuple[Callable[[str], Frame], str, float]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chain = asyncio.run(talk(events, Path(folder)))
    open_turn: int | None = None
    held = False
    written = ""
    for frame in chain.down.frames:
        match frame:
            case AnswerStartFrame():
                assert open_turn is None
                open_turn, written, held = frame.turn, "", False
            case AnswerEndFrame():
                assert frame.turn == open_turn
                assert written.startswith(frame.heard_text)
                open_turn = None
            case LLMTextFrame():
                assert open_turn is not None
                written += frame.text
            case HoldFrame():
                held = True
            case ResumeFrame() | InterruptionFrame():
                held = False
            case SpokenAudioFrame():
                assert open_turn is not None
                assert not held
            case _:
                pass
    assert open_turn is None
    turns = [frame.turn for frame in chain.down.of(AnswerStartFrame)]
    assert all(later == earlier + 1 for earlier, later in pairwise(turns))
    assert [end.turn for end in chain.up.of(AnswerEndFrame)] == turns
