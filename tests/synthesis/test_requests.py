"""A request's text on its way to the speaker."""

import asyncio

from voice_agent.engines.clauses import ClauseLimits
from voice_agent.synthesis.requests import HOLD_S, SpeechRequest
from voice_agent.synthesis.text import TextAssembler
from voice_agent.wire.tts import SynthesisOptions


def request(least_chars: int = 12) -> SpeechRequest:
    text = TextAssembler(5000, limits=ClauseLimits(least_chars=least_chars))
    return SpeechRequest("r", SynthesisOptions(), text)


async def test_a_short_part_is_spoken_when_nothing_follows_for_a_while() -> None:
    written = request()
    parts = written.parts()
    written.feed("Yes. ")
    began_s = asyncio.get_running_loop().time()
    async with asyncio.timeout(5):
        assert (await anext(parts)).text == "Yes. "
    assert asyncio.get_running_loop().time() - began_s >= HOLD_S
    written.feed("And that is all.")
    written.flush()
    assert [part.text async for part in parts] == ["And that is all."]


async def test_a_short_part_is_spoken_with_what_follows_in_time() -> None:
    written = request()
    parts = written.parts()
    written.feed("Yes. ")
    written.feed("I can do that. ")
    async with asyncio.timeout(5):
        assert (await anext(parts)).text == "Yes. I can do that. "
    await parts.aclose()


async def test_a_speaker_without_limits_waits_for_nothing() -> None:
    written = request(least_chars=0)
    written.feed("Yes. ")
    parts = written.parts()
    async with asyncio.timeout(HOLD_S / 2):
        assert (await anext(parts)).text == "Yes. "
    await parts.aclose()
