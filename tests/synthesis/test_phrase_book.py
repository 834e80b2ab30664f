"""Phrases spoken by the real espeak engine, and in a registered voice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.scripted_cloner import ScriptedCloner, pitch_hz
from tests.voices.clips import voice
from voice_agent.audio.pcm import int16_to_float
from voice_agent.engines.base import Samples, Speaker
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.errors import EngineUnavailable
from voice_agent.settings import Settings, VoicesSettings
from voice_agent.synthesis.prompt_cache import ANSWER_SAMPLE_RATE_HZ, PromptCache
from voice_agent.voices.registry import Registration, VoiceRegistry

PHRASES = {"filler": "One moment, please.", "apology": " ", "greeting": "It costs $5."}


def library(speaker: Speaker, folder: Path) -> VoiceRegistry:
    return VoiceRegistry(speaker, Settings(voices=VoicesSettings(dir=folder)))


def book_of(speaker: Speaker, voices: VoiceRegistry, voice_id: str = "default") -> PromptCache:
    return PromptCache(speaker, voices, voice_id=voice_id, phrases=PHRASES)


@asynccontextmanager
async def kept(book: PromptCache) -> AsyncIterator[None]:
    task = asyncio.create_task(book.keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)


async def samples(book: PromptCache, text: str) -> Samples:
    data = [chunk.data async for chunk in book.spoken(text, session_id="s")]
    return int16_to_float(np.frombuffer(b"".join(data), np.int16))


async def test_phrases_are_heard_after_the_speaker_is_gone(tmp_path: Path) -> None:
    speaker = EspeakSpeaker()
    book = book_of(speaker, library(speaker, tmp_path))
    async with kept(book):
        assert not book.complete
        await speaker.load()
        await speaker.warm_up()
        await until(lambda: book.complete)
        await speaker.close()
        chunks = [c async for c in book.spoken(PHRASES["greeting"], session_id="s")]
        assert [c.chunk_id for c in chunks] == list(range(len(chunks)))
        # of the text as it is written, though it is spoken in words
        assert chunks[-1].text_end == len(PHRASES["greeting"])
        spoken = await samples(book, PHRASES["greeting"])
        assert 0.5 < len(spoken) / ANSWER_SAMPLE_RATE_HZ < 3
        assert np.abs(spoken).max() > 0.03
        with pytest.raises(EngineUnavailable):
            await samples(book, "Something else.")


async def test_what_is_no_phrase_is_spoken_by_the_speaker(tmp_path: Path) -> None:
    speaker = ScriptedCloner()
    book = book_of(speaker, library(speaker, tmp_path))
    assert len(await samples(book, "Not kept.")) == pytest.approx(9 * 0.06 * 24_000, abs=10)
    assert not book.complete


async def test_an_empty_phrase_is_none(tmp_path: Path) -> None:
    speaker = ScriptedCloner()
    book = book_of(speaker, library(speaker, tmp_path))
    assert book.text("apology") == ""
    assert book.text("filler") == "One moment, please."
    async with kept(book):
        await until(lambda: book.complete)
    assert {job.text for job in speaker.jobs} == {"One moment, please.", "It costs five dollars."}


async def test_phrases_change_with_the_voice(tmp_path: Path) -> None:
    speaker = ScriptedCloner()
    voices = library(speaker, tmp_path)
    await voices.register(Registration(voice_id="anna", clip=voice(150)))
    book = book_of(speaker, voices, "anna")
    text = PHRASES["filler"]
    async with kept(book):
        await until(lambda: book.complete)
        before = await samples(book, text)
        await voices.register(Registration(voice_id="anna", clip=voice(220), replace=True))
        n_jobs = len(speaker.jobs)
        await until(lambda: len(speaker.jobs) == n_jobs + 2)
        await asyncio.sleep(0.1)
        after = await samples(book, text)
    assert pitch_hz(before, ANSWER_SAMPLE_RATE_HZ) == pytest.approx(150, rel=0.05)
    assert pitch_hz(after, ANSWER_SAMPLE_RATE_HZ) == pytest.approx(220, rel=0.05)


async def test_a_voice_that_is_missing_is_waited_for(tmp_path: Path) -> None:
    speaker = ScriptedCloner()
    voices = library(speaker, tmp_path)
    book = book_of(speaker, voices, "anna")
    async with kept(book):
        await until(lambda: bool(speaker.jobs))
        assert not book.complete
        await voices.register(Registration(voice_id="anna", clip=voice()))
        await until(lambda: book.complete)
