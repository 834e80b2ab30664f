"""Services die in a call, as if pulled out of the wall, and come back: the call goes on."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from tests.services.conftest import RunningService
from tests.services.conversing import Caller, Heard, conversing
from tests.services.killing import Mortal, mortal
from tests.services.test_remote_agent import remote_agent
from tests.speech import error_rate, pause, speech

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.long]

FILLER = "One moment, please."
SENTENCES = (
    "i would like to have some water please",
    "send it to anna in berlin",
)
LONG = "count to twenty"
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def hears() -> Generator[Mortal]:
    with mortal("asr") as service:
        yield service


@pytest.fixture(scope="module")
def speaks() -> Generator[Mortal]:
    with mortal("tts") as service:
        yield service


@pytest.fixture(scope="module")
def agent(hears: Mortal, speaks: Mortal) -> Generator[RunningService]:
    with remote_agent(hears.ws, speaks.ws, REMOTE__GIVE_UP_S=40) as service:
        yield service


@asynccontextmanager
async def in_conversation(agent: RunningService) -> AsyncGenerator[Caller]:
    """A session that is there to the end, whatever happens to the services."""
    async with conversing(agent.ws) as caller:
        yield caller
        await caller.say("ping", id=1)
        await caller.until("pong")


def phrases(caller: Caller) -> list[str]:
    return [h.message["phrase"] for h in caller.of("audio_chunk") if h.message.get("phrase")]


async def say_while_it_dies(caller: Caller, service: Mortal, sentence: str) -> None:
    """The service dies in the middle of the sentence."""
    samples = speech(sentence)
    middle = len(samples) // 2
    await caller.play(pause(0.5), samples[:middle])
    service.kill()
    await caller.play(samples[middle:])


async def test_what_is_said_while_recognition_is_killed_is_heard(
    agent: RunningService, hears: Mortal
) -> None:
    async with in_conversation(agent) as caller:
        for number, sentence in enumerate(SENTENCES, 1):
            await say_while_it_dies(caller, hears, sentence)
            async with caller.microphone():
                await caller.until_true(lambda n=number: phrases(caller).count(FILLER) == n)
                await hears.revive()
                final = (await until_late(caller, "final", number)).message["text"]
                assert error_rate(sentence, final) < 0.3
                await caller.until_true(lambda said=final: is_answered(caller, said))
                await caller.say("interrupt")
        assert len(caller.of("final")) == len(SENTENCES)
        told = [h.message for h in caller.heard if h.kind in ("degraded", "restored")]
        assert [(m["type"], m["what"]) for m in told] == [
            ("degraded", "recognition"),
            ("restored", "recognition"),
        ] * len(SENTENCES)
        assert_times(caller)


async def until_late(caller: Caller, kind: str, count: int) -> Heard:
    """As `Caller.until`, for what comes after a service was started again."""
    await caller.until_true(lambda: len(caller.of(kind)) >= count, _PATIENCE_S)
    return caller.of(kind)[count - 1]


def is_answered(caller: Caller, sentence: str) -> bool:
    """Whether an answer repeats it, as the rules do, and begins to be heard."""
    turns = [h.message["turn"] for h in caller.of("answer_text") if sentence in h.message["delta"]]
    return bool(turns) and bool(caller.of("audio_chunk", turns[-1]))


def assert_times(caller: Caller) -> None:
    """Starts and ends alternate, and all times are those of one stream."""
    segments = [h.message for h in caller.heard if h.kind in ("speech_start", "speech_end")]
    kinds = [m["type"] for m in segments]
    assert kinds == (["speech_start", "speech_end"] * len(kinds))[: len(kinds)]
    times = [m["timestamp"] for m in segments]
    assert times == sorted(times)
    finals = [h.message for h in caller.of("final")]
    for before, after in pairwise(finals):
        assert before["end"] < after["start"]


async def test_an_answer_goes_on_when_the_voice_is_killed(
    agent: RunningService, speaks: Mortal
) -> None:
    async with in_conversation(agent) as caller:
        for number in (1, 2):
            turn = await caller.ask(LONG)
            await caller.until("audio_chunk", 3, turn=turn)
            speaks.kill()
            await caller.until_true(lambda n=number: phrases(caller).count(FILLER) == n)
            await speaks.revive()
            await caller.until_true(lambda t=turn: bool(caller.of("answer_end", t)), _PATIENCE_S)
            end = caller.of("answer_end", turn)[0].message
            assert (end["interrupted"], end["heard_text"]) == (False, caller.text_of(turn))
            assert_said_whole(caller, turn)
        told = [(h.kind, h.message["what"]) for h in caller.heard if "what" in h.message]
        assert told == [("degraded", "voice"), ("restored", "voice")] * 2


def assert_said_whole(caller: Caller, turn: int) -> None:
    """The audio covers the text without a hole; a word at most is said again."""
    reached = 0
    for chunk in caller.of("audio_chunk", turn):
        message = chunk.message
        assert message["text_start"] <= reached + 1, "text was left out"
        assert message["text_end"] >= reached - len("twenty-seven, ")
        reached = max(reached, message["text_end"])
    assert reached >= len(caller.text_of(turn).rstrip())


async def test_an_answer_that_was_sent_before_the_voice_died_is_not_disturbed(
    agent: RunningService, speaks: Mortal
) -> None:
    async with in_conversation(agent) as caller:
        turn = await caller.ask("what is two plus three")
        await caller.until_true(lambda: caller.text_of(turn) == "Two plus three is five.")
        await caller.until_true(lambda: covered(caller, turn))
        speaks.kill()
        await caller.until("answer_end", turn=turn)
        await speaks.revive()
        again = await caller.ask("what is two plus three")
        await caller.until("answer_end", turn=again)
        assert phrases(caller) == []


def covered(caller: Caller, turn: int) -> bool:
    chunks = caller.of("audio_chunk", turn)
    return bool(chunks) and chunks[-1].message["text_end"] >= len(caller.text_of(turn).rstrip())


async def test_an_interruption_in_an_outage_is_one(agent: RunningService, speaks: Mortal) -> None:
    async with in_conversation(agent) as caller:
        turn = await caller.ask(LONG)
        await caller.until("audio_chunk", 3, turn=turn)
        speaks.kill()
        await caller.until("degraded")
        await caller.say("interrupt")
        assert (await caller.until("answer_end", turn=turn)).message["interrupted"] is True
        await speaks.revive()
        turn = await caller.ask("what is two plus three")
        await caller.until("answer_end", turn=turn)
        await caller.until("restored")
        assert [h.message["heard_text"] for h in caller.of("answer_end", turn)] == [
            "Two plus three is five."
        ]


async def test_another_address_takes_over_in_the_middle_of_a_sentence(
    asr: RunningService, tts: RunningService
) -> None:
    with mortal("asr") as first, remote_agent(f"{first.ws},{asr.ws}", tts.ws) as agent:
        async with in_conversation(agent) as caller:
            await say_while_it_dies(caller, first, SENTENCES[0])
            async with caller.microphone():
                final = (await caller.until("final")).message["text"]
            assert error_rate(SENTENCES[0], final) < 0.3
            assert [h.message["what"] for h in caller.of("restored")] == ["recognition"] or (
                caller.of("degraded") == []  # too short to be told
            )
