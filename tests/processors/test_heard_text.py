"""What was heard of an answer, when what is spoken is not what was written."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from pipecat.frames.frames import (
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSStoppedFrame,
)

from processors.text_to_speech import TextToSpeech
from tests.processors.chain import chained
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.frames import SpokenAudioFrame
from voice_agent.turns.playback import Playback

STEP_S = 0.05


@pytest.fixture
async def speaker() -> AsyncGenerator[EspeakSpeaker]:
    engine = EspeakSpeaker()
    await engine.load()
    yield engine
    await engine.close()


async def spoken(speaker: EspeakSpeaker, text: str) -> list[SpokenAudioFrame]:
    voice = TextToSpeech(session_id="s", speaker=speaker, voice_id="default", max_chars=5000)
    async with chained(voice) as chain:
        await chain.send(LLMFullResponseStartFrame())
        await chain.send(*(LLMTextFrame(f"{word} ") for word in text.split(" ")))
        await chain.send(LLMFullResponseEndFrame())
        async with asyncio.timeout(10):
            await chain.down.until(TTSStoppedFrame)
        return chain.down.of(SpokenAudioFrame)


async def heard_over_time(speaker: EspeakSpeaker, text: str) -> list[str]:
    """Everything that was heard at some time, in order."""
    now_s = 0.0
    playback = Playback(lambda: now_s)
    for frame in await spoken(speaker, text):
        playback.sent(frame.num_frames / frame.sample_rate, frame.text_start, frame.text_end)
    found: list[str] = []
    while now_s <= playback.sent_s + STEP_S:
        heard = playback.heard(text)
        if heard not in found:
            found.append(heard)
        now_s += STEP_S
    return found


async def test_words_of_a_number_are_one_word_of_the_answer(speaker: EspeakSpeaker) -> None:
    text = "It costs $5.30, **really**."
    found = await heard_over_time(speaker, text)
    assert found == ["", "It", "It costs", "It costs $5.30,", text]


async def test_a_telephone_number_is_heard_when_its_last_digit_is(speaker: EspeakSpeaker) -> None:
    text = "Call 555-123-4567 now, and ask for [Ann](https://example.com/ann)."
    call, number = "Call", "Call 555-123-4567"
    now_s = 0.0
    playback = Playback(lambda: now_s)
    frames = await spoken(speaker, text)
    for frame in frames:
        playback.sent(frame.num_frames / frame.sample_rate, frame.text_start, frame.text_end)
    times_s: dict[str, float] = {}
    while now_s <= playback.sent_s + STEP_S:
        times_s.setdefault(playback.heard(text), now_s)
        now_s += STEP_S
    # ten digits take seconds
    assert times_s[number] - times_s[call] > 1.5
    assert list(times_s)[-1] == text
