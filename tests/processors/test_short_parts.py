"""Answers for a speaker that cannot speak a single word well."""

from pipecat.frames.frames import (
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSStoppedFrame,
)

from tests.processors.chain import chained
from tests.processors.test_text_to_speech import ScriptedSpeaker, speaking
from voice_agent.engines.clauses import ClauseLimits
from voice_agent.frames import SpokenAudioFrame


class ShySpeaker(ScriptedSpeaker):
    clause_limits = ClauseLimits(least_chars=12)


async def test_a_short_part_is_spoken_with_the_next() -> None:
    speaker = ShySpeaker()
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("Yes. "))
        await chain.send(LLMTextFrame("I can do that. And "), LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert [job.text for job in speaker.jobs] == ["Yes. I can do that. ", "And "]


async def test_a_short_part_is_spoken_when_the_model_hesitates() -> None:
    speaker = ShySpeaker()
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("Yes. "))
        await chain.down.until(SpokenAudioFrame)
        await chain.send(LLMTextFrame("I can do that."), LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert [job.text for job in speaker.jobs] == ["Yes. ", "I can do that."]


async def test_an_interrupted_short_part_is_never_spoken() -> None:
    speaker = ShySpeaker()
    async with chained(speaking(speaker)) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("Yes. "), InterruptionFrame())
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("I will do other things. "))
        await chain.send(LLMFullResponseEndFrame())
        await chain.down.until(TTSStoppedFrame)
    assert [job.text for job in speaker.jobs] == ["I will do other things. "]
