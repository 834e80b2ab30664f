import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import numpy as np
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)

from processors.text_to_speech import TextToSpeech
from tests.processors.chain import chained
from tests.scripted_cloner import ScriptedCloner
from tests.voices.clips import voice
from voice_agent.engines.base import EngineInfo, SpeakJob, SpokenChunk
from voice_agent.errors import EngineUnavailable
from voice_agent.frames import SpokenAudioFrame
from voice_agent.settings import Settings, VoicesSettings
from voice_agent.voices.registry import Registration, VoiceRegistry

HZ = 24_000


class ScriptedSpeaker:
    """Says each text in a second of silence, unless it is broken or told to wait."""

    info = EngineInfo(name="scripted", role="speaks", model="", sample_rate_hz=HZ)

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.jobs: list[SpeakJob] = []
        self.closed = 0
        self.may_speak = asyncio.Event()
        self.may_speak.set()

    def forget(self, session_id: str) -> None: ...

    async def speak(self, job: SpeakJob) -> AsyncGenerator[SpokenChunk]:
        self.jobs.append(job)
        if self.broken:
            raise EngineUnavailable("the scripted speaker is broken")
        try:
            await self.may_speak.wait()
            yield SpokenChunk(
                samples=np.zeros(HZ, np.float32), text_start=0, text_end=len(job.text)
            )
        finally:
            self.closed += 1


def speaking(speaker: ScriptedSpeaker, max_chars: int = 5000) -> TextToSpeech:
    return TextToSpeech(
        session_id="s", speaker=cast(Any, speaker), voice_id="default", max_chars=max_chars
    )


async def test_the_first_clause_is_spoken_while_the_rest_is_written() -> None:
    speaker = ScriptedSpeaker()
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("It rains. And "))
        await chain.down.until(SpokenAudioFrame)
        assert not chain.down.of(TTSStoppedFrame)
        await chain.send(LLMTextFrame("it blows."), LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert [job.text.strip() for job in speaker.jobs] == ["It rains.", "And it blows."]
    audio = chain.down.of(SpokenAudioFrame)
    assert sum(frame.num_frames for frame in audio) == 2 * HZ
    assert [audio[0].text_start, audio[-1].text_end] == [0, len("It rains. And it blows.")]


async def test_an_interruption_stops_the_speaker() -> None:
    speaker = ScriptedSpeaker()
    speaker.may_speak.clear()
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("It rains. And it blows. "))
        async with asyncio.timeout(5):
            while not speaker.jobs:  # noqa: ASYNC110  (a few turns of the loop)
                await asyncio.sleep(0)
        await chain.send(InterruptionFrame())
        assert speaker.closed == 1
        speaker.may_speak.set()
        await chain.send(LLMTextFrame("More."), LLMFullResponseEndFrame())
        assert not chain.down.of(SpokenAudioFrame)
        assert len(speaker.jobs) == 1


async def test_a_broken_speaker_is_told_and_holds_nothing_up() -> None:
    speaker = ScriptedSpeaker(broken=True)
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame())
        async with asyncio.timeout(5):
            for _ in range(200):  # more clauses than may wait
                await chain.send(LLMTextFrame("It rains. "))
        assert not chain.down.of(TTSStoppedFrame)
        await chain.send(LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    [error] = chain.up.of(ErrorFrame)
    assert isinstance(error.exception, EngineUnavailable)


async def test_nothing_to_say_ends_at_once() -> None:
    speaker = ScriptedSpeaker()
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("…"), LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert speaker.jobs == []


async def test_what_is_too_long_is_cut_off() -> None:
    speaker = ScriptedSpeaker()
    async with chained(speaking(speaker, max_chars=30)) as chain:
        await chain.send(LLMFullResponseStartFrame())
        await chain.send(*(LLMTextFrame("It rains. ") for _ in range(10)))
        await chain.send(LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert sum(len(job.text) for job in speaker.jobs) <= 30


async def test_the_agent_can_speak_in_a_registered_voice(tmp_path: Path) -> None:
    cloner = ScriptedCloner()
    library = VoiceRegistry(cloner, Settings(voices=VoicesSettings(dir=tmp_path)))
    await library.register(Registration(voice_id="anna", clip=voice(220)))
    processor = TextToSpeech(
        session_id="s", speaker=cloner, voices=library, voice_id="anna", max_chars=5000
    )
    async with chained(processor) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("It rains."))
        await chain.send(LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert {job.voice.voice_id for job in cloner.jobs if job.voice} == {"anna"}
    assert chain.down.of(SpokenAudioFrame)
    await library.close()


async def test_stock_aggregators_are_told_what_is_heard_and_not_what_is_written() -> None:
    async with chained(speaking(ScriptedSpeaker())) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("It rains. And it blows."))
        await chain.send(LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    [written] = chain.down.of(LLMTextFrame)
    assert not written.append_to_context
    heard = chain.down.of(TTSTextFrame)
    assert all(text.append_to_context for text in heard)
    assert "".join(text.text for text in heard) == "It rains. And it blows."
    # (a speaker that knows no word times lets chunks end anywhere)
    assert all(text.text.endswith((" ", ".")) for text in heard)
    kinds = [type(frame) for frame in chain.down.frames]
    first_audio, end = kinds.index(SpokenAudioFrame), kinds.index(LLMFullResponseEndFrame)
    assert kinds.index(TTSStartedFrame) < kinds.index(TTSTextFrame) < first_audio
    assert kinds[end + 1 :] == [TTSStoppedFrame]
    assert SpokenAudioFrame not in kinds[end:]


async def test_what_it_is_asked_to_say_is_said_in_order_and_cuts_nothing_off() -> None:
    speaker = ScriptedSpeaker()
    async with chained(speaking(speaker)) as chain:
        await chain.send(TTSSpeakFrame("One moment."), TTSSpeakFrame("Psst.", False))
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("It rains."))
        await chain.send(LLMFullResponseEndFrame())
        async with asyncio.timeout(5):
            while len(chain.down.of(TTSStoppedFrame)) < 3:
                await chain.down.until(TTSStoppedFrame)
                await asyncio.sleep(0)
    assert [job.text for job in speaker.jobs] == ["One moment.", "Psst.", "It rains."]
    heard = chain.down.of(TTSTextFrame)
    assert "".join(text.text for text in heard if text.append_to_context) == "One moment.It rains."
    assert "".join(text.text for text in heard if not text.append_to_context) == "Psst."
    # what stands in no response is committed by itself
    assert len(chain.down.of(LLMAssistantPushAggregationFrame)) == 1
    assert chain.down.of(TTSSpeakFrame) == []


async def test_an_interruption_ends_all_that_waits_to_be_said() -> None:
    speaker = ScriptedSpeaker()
    speaker.may_speak.clear()
    async with chained(speaking(speaker)) as chain:
        await chain.send(*(TTSSpeakFrame(text) for text in ("First.", "Second.", "Third.")))
        async with asyncio.timeout(5):
            while not speaker.jobs:  # noqa: ASYNC110  (a few turns of the loop)
                await asyncio.sleep(0)
        await chain.send(InterruptionFrame())
        speaker.may_speak.set()
        await chain.send(TTSSpeakFrame("After it."))
        await chain.down.until(TTSStoppedFrame)
    assert [job.text for job in speaker.jobs] == ["First.", "After it."]


async def test_text_that_is_not_to_be_spoken_is_not() -> None:
    speaker = ScriptedSpeaker()
    silent = LLMTextFrame("(thinks) ")
    silent.skip_tts = True
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame(), silent, LLMTextFrame("It rains."))
        await chain.send(LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert [job.text for job in speaker.jobs] == ["It rains."]
