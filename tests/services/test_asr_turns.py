"""Speech played to a real service in real time: what is said when, and in which order."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from tests.services.caller import Caller, assert_in_order, call
from tests.services.conftest import RunningService, running
from tests.speech import GOOD_VOICE, SENTENCES, dialogue, error_rate, pause, speech

pytestmark = pytest.mark.e2e

# highest word error rate that counts as sane; the small model knows one of the voices
_VOICES = {GOOD_VOICE: 0.2, "en-us+m3": 1.5, "en-gb": 1.5}
_VOICES_OF_REAL_MODELS = {GOOD_VOICE: 0.2, "en-gb": 0.4}


@pytest.fixture(params=["asr", "base_asr", "tiny_asr"])
def any_asr(request: pytest.FixtureRequest) -> tuple[RunningService, dict[str, float]]:
    """The service with each model that tests have, and how well it hears which voices."""
    voices = _VOICES if request.param == "asr" else _VOICES_OF_REAL_MODELS
    return request.getfixturevalue(request.param), voices


async def test_played_in_real_time_every_promise_of_the_protocol_holds(
    any_asr: tuple[RunningService, dict[str, float]],
) -> None:
    service, voices = any_asr

    async def play(voice: str, limit: float) -> None:
        said = SENTENCES[:2]
        sound = dialogue(said, 0.8, voice)
        async with call(service.ws) as caller:
            await caller.play(sound, pace=1.0)
            await caller.say("close")
            assert await caller.ended() == 1000
            assert_in_order(caller.messages)
            assert len(caller.of("speech_start")) == len(caller.of("speech_end")) >= 1
            # where the machine does not keep up there are none
            assert caller.of("partial") or (voices, voice) != (_VOICES, GOOD_VOICE)
            complete = [m for m in caller.of("final") if m["turn_complete"]]
            assert complete == caller.of("final")
            assert all(a["end"] <= b["end"] for a, b in pairwise(complete))
            assert 0.5 < complete[0]["start"] < 1.2
            assert complete[-1]["end"] < len(sound) / 16_000
            assert error_rate(" ".join(said), caller.text) <= limit

    await asyncio.gather(*(play(voice, limit) for voice, limit in voices.items()))


async def test_two_sessions_do_not_mix(asr: RunningService) -> None:
    async with call(asr.ws) as one, call(asr.ws) as other:
        texts = await asyncio.gather(
            _heard(one, SENTENCES[3]), _heard(other, SENTENCES[4]), return_exceptions=False
        )
    assert error_rate(SENTENCES[3], texts[0]) <= 0.5
    assert error_rate(SENTENCES[4], texts[1]) <= 0.5


async def _heard(caller: Caller, text: str) -> str:
    return await caller.transcribe(np.concatenate([pause(0.5), speech(text), pause(0.3)]))


async def test_finalizing_mid_speech_ends_the_turn_and_the_rest_is_a_new_one(
    asr: RunningService,
) -> None:
    words = speech(SENTENCES[3])
    middle = len(words) // 2
    async with call(asr.ws) as caller:
        await caller.play(np.concatenate([pause(0.5), words[:middle]]))
        await caller.say("finalize")
        first = await caller.until("final")
        assert (first["ended_by"], first["turn_complete"]) == ("client", True)
        await caller.play(np.concatenate([words[middle:], pause(0.1)]))
        await caller.say("finalize")
        second = await caller.until("final", 2)
        await caller.say("close")
        await caller.ended()
        assert_in_order(caller.messages)
    # no word is heard twice: the second turn begins where the first was ended
    assert second["start"] >= 0.5 + middle / 16_000 - 0.1
    assert error_rate(SENTENCES[3], f"{first['text']} {second['text']}") <= 0.6


async def test_finalizing_when_nothing_was_said_gives_one_empty_final(
    asr: RunningService,
) -> None:
    async with call(asr.ws) as caller:
        await caller.play(pause(1.0))
        final = await caller.ask("finalize", "final")
        assert (final["text"], final["words"], final["ended_by"]) == ("", [], "client")
        await caller.say("close")
        assert await caller.ended() == 1000
        assert len(caller.of("final")) == 1
        assert caller.of("speech_start") == []


async def test_closing_mid_speech_sends_what_is_due_first(asr: RunningService) -> None:
    async with call(asr.ws) as caller:
        await caller.play(np.concatenate([pause(0.5), speech(SENTENCES[3])]))
        await caller.say("close")
        assert await caller.ended() == 1000
        assert_in_order(caller.messages)
        assert caller.messages[-1]["type"] == "final"
        assert error_rate(SENTENCES[3], caller.text) <= 0.5


async def test_silence_ends_a_turn_after_as_long_as_was_asked(asr: RunningService) -> None:
    async with call(asr.ws) as caller:
        await caller.ask("config", "configured", turn_detection="silence", silence_ms=700)
        await caller.play(np.concatenate([pause(0.5), speech(SENTENCES[3]), pause(0.6)]))
        end = await caller.until("speech_end")
        await caller.ask("ping", "pong")
        assert "turn_probability" not in end
        assert caller.of("final") == []
        await caller.play(pause(0.3))
        final = await caller.until("final")
        assert final["ended_by"] == "silence"


async def test_without_turn_detection_only_the_client_ends_a_turn(asr: RunningService) -> None:
    async with call(asr.ws) as caller:
        await caller.ask("config", "configured", turn_detection="none")
        await caller.play(dialogue(SENTENCES[3:5], 3.0))
        await caller.until("speech_end", 2)
        await caller.ask("ping", "pong")
        assert caller.of("final") == []
        final = await caller.ask("finalize", "final")
        assert final["ended_by"] == "client"
        assert error_rate(" ".join(SENTENCES[3:5]), final["text"]) <= 0.5


async def test_a_client_that_stops_sending_gets_its_final_by_the_clock(
    asr: RunningService,
) -> None:
    async with call(asr.ws) as caller:
        await caller.play(np.concatenate([pause(0.5), speech(SENTENCES[3])]))
        final = await caller.until("final", within_s=10)
        assert final["ended_by"] == "silence"
        assert error_rate(SENTENCES[3], final["text"]) <= 0.5
        assert_in_order(caller.messages)


async def test_partials_and_words_can_be_switched_off(asr: RunningService) -> None:
    async with call(asr.ws) as caller:
        await caller.ask("config", "configured", partials=False, words=False)
        assert await caller.transcribe(
            np.concatenate([pause(0.5), speech(SENTENCES[3]), pause(0.1)])
        )
        assert caller.of("partial") == []
        assert all(m["words"] == [] for m in caller.of("final"))


async def test_a_long_turn_comes_in_parts_of_which_the_last_is_complete() -> None:
    said = [*SENTENCES[3:6], *SENTENCES[:2]]
    sound = np.concatenate([pause(0.5), *(np.append(speech(s), pause(0.25)) for s in said)])
    with running("asr", ASR__MAX_TURN_S=6) as service:
        async with call(service.ws) as caller:
            await caller.ask("config", "configured", turn_detection="none")
            await caller.play(sound)
            await caller.say("close")
            await caller.ended()
        assert_in_order(caller.messages)
    finals = caller.of("final")
    assert len(finals) >= 3
    assert [f["turn_complete"] for f in finals] == [False] * (len(finals) - 1) + [True]
    assert {f["ended_by"] for f in finals[:-1]} == {"length"}
    assert all(f["end"] - f["start"] <= 6.3 for f in finals)
    assert all(a["end"] <= b["start"] + 0.05 for a, b in pairwise(finals))
    assert error_rate(" ".join(said), caller.text) <= 0.6
