"""The ASR service on a real Whisper: the test model, which understands phone talk."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import httpx2
import numpy as np
import pytest
from faster_whisper import WhisperModel

from tests.phone_talk import HELD_OUT_VOICES, MODEL, held_out_sentences, say, telephone
from tests.services.caller import Caller, assert_in_order, call
from tests.services.conftest import RunningService, running
from tests.services.listener import metric, until
from tests.services.troubled_asr import BIG, FAILURE, NO_MEMORY, SLOW
from tests.speech import error_rate, pause
from voice_agent.engines.base import Samples

pytestmark = pytest.mark.e2e

_SENTENCES = held_out_sentences()[:12]


@pytest.fixture(scope="module")
def whisper() -> Generator[RunningService]:
    with running("asr", ASR__ENGINE="whisper", ASR__MODEL=MODEL) as service:
        yield service


@pytest.fixture(scope="module")
def troubled() -> Generator[RunningService]:
    with running("tests.services.troubled_asr", ASR__FINAL_TIMEOUT_S=1) as service:
        yield service


def _spoken(index: int) -> Samples:
    voice = HELD_OUT_VOICES[index % len(HELD_OUT_VOICES)]
    return np.concatenate([pause(0.6), say(_SENTENCES[index], voice).samples, pause(0.9)])


def _errors(said: list[str], heard: list[str]) -> float:
    return error_rate(" ".join(said), " ".join(heard))


async def test_in_real_time_words_settle_before_the_turn_ends_and_have_their_times(
    whisper: RunningService,
) -> None:
    text = "i want to book a table for four people on monday evening"
    spoken = say(text)
    async with call(whisper.ws) as caller:
        await caller.play(np.concatenate([pause(0.6), spoken.samples, pause(2.0)]), pace=1.0)
        final = await caller.until("final")
        partials = caller.of("partial")
        # how much depends on what else the machine does
        assert partials[-1]["committed"] > 0
        assert_in_order(caller.messages)
    assert final["text"] == text
    assert final["revised"] == 0
    for word, (expected, start_s, end_s) in zip(final["words"], spoken.words, strict=True):
        assert word["word"] == expected
        assert word["end"] == pytest.approx(end_s + 0.6, abs=0.25)
        assert word["start"] == pytest.approx(start_s + 0.6, abs=0.25)


async def test_nothing_is_lost_between_the_model_and_the_wire(whisper: RunningService) -> None:
    model = WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=1)
    clips = [_spoken(index) for index in range(len(_SENTENCES))]
    direct = [
        "".join(segment.text for segment in model.transcribe(clip, beam_size=1)[0])
        for clip in clips
    ]

    few = asyncio.Semaphore(3)  # many at once, and partials would be rare

    async def through_the_service(clip: Samples) -> str:
        async with few, call(whisper.ws) as caller:
            heard = await caller.transcribe(clip)
            assert_in_order(caller.messages)
            return heard

    heard = await asyncio.gather(*(through_the_service(clip) for clip in clips))
    said = list(_SENTENCES)
    assert _errors(said, direct) <= 0.05
    assert _errors(said, heard) <= _errors(said, direct) + 0.02


async def test_a_telephone_line_is_understood(whisper: RunningService) -> None:
    heard: list[str] = []
    for index in range(4):
        async with call(whisper.ws) as caller:
            await caller.ask("config", "configured", sample_rate=8000, encoding="mulaw")
            await caller.stream(telephone(_spoken(index)))
            await caller.finalize()
            assert_in_order(caller.messages)
            heard.append(caller.text)
    assert _errors(list(_SENTENCES[:4]), heard) <= 0.1


@pytest.mark.parametrize("answer", ["yes", "no", "okay"])
async def test_a_short_answer_ends_a_turn_soon(whisper: RunningService, answer: str) -> None:
    async with call(whisper.ws) as caller:
        await caller.play(np.concatenate([pause(0.6), say(answer).samples, pause(1.0)]), pace=1.0)
        final = await caller.until("final")
    assert final["text"] == answer
    assert final["turn_complete"]


async def test_a_model_or_language_that_is_not_there_is_refused(whisper: RunningService) -> None:
    async with call(whisper.ws) as caller:
        for wrong in ({"language": "de"}, {"model": "large-v3"}):
            error = await caller.ask("config", "error", **wrong)
            assert error["code"] == "unsupported"
        assert (await caller.ask("config", "configured"))["language"] == "en"
        assert error_rate(_SENTENCES[0], await caller.transcribe(_spoken(0))) <= 0.2


async def test_hotwords_and_prompts_do_no_harm(whisper: RunningService) -> None:
    async with call(whisper.ws) as caller:
        await caller.ask(
            "config", "configured", hotwords=["invoice", "vienna"], prompt="good morning"
        )
        assert error_rate(_SENTENCES[1], await caller.transcribe(_spoken(1))) <= 0.2


@asynccontextmanager
async def _in_trouble(service: RunningService, trouble: str) -> AsyncGenerator[Caller]:
    async with call(service.ws) as caller:
        await caller.ask("config", "configured", prompt=trouble)
        yield caller


async def test_a_final_that_is_late_says_so_and_the_session_goes_on(
    troubled: RunningService,
) -> None:
    async with _in_trouble(troubled, SLOW) as caller:
        await caller.transcribe(_spoken(3))
        assert [m["code"] for m in caller.of("error")] == ["engine_timeout"]
        await caller.ask("config", "configured", prompt="")
        assert error_rate(_SENTENCES[3], await caller.transcribe(_spoken(3))) <= 0.2


async def test_a_model_that_keeps_failing_is_left_alone_until_it_works_again(
    troubled: RunningService,
) -> None:
    async with _in_trouble(troubled, FAILURE) as caller, call(troubled.ws) as other:
        for _ in range(3):
            await caller.transcribe(_spoken(4))
        assert {m["code"] for m in caller.of("error")} == {"engine_unavailable"}
        refused = httpx2.get(f"{troubled.http}/readyz")
        assert refused.status_code == 503
        assert "whisper" in refused.json()["reasons"][0]
        await other.transcribe(_spoken(5))
        error = other.of("error")[-1]
        assert (error["code"], error["retryable"]) == ("engine_unavailable", True)
        assert error["retry_after_ms"] > 0

        async def works_again() -> bool:
            return httpx2.get(f"{troubled.http}/readyz").status_code == 200

        await until(works_again, deadline_s=15)
        assert error_rate(_SENTENCES[5], await other.transcribe(_spoken(5))) <= 0.2
    line = 'voice_agent_engine_trouble_total{engine="whisper",what="open"}'
    assert await metric(troubled, line) >= 1


async def test_without_memory_for_a_model_the_smaller_one_answers_and_says_so(
    troubled: RunningService,
) -> None:
    # the last one: for a minute the smaller model does all the work
    async with _in_trouble(troubled, NO_MEMORY) as caller:
        assert error_rate(_SENTENCES[2], await caller.transcribe(_spoken(2))) <= 0.2
        degraded = await caller.until("degraded")
    assert degraded["what"] == f"model {BIG}"
    assert "memory" in degraded["reason"]
    line = 'voice_agent_engine_trouble_total{engine="whisper",what="smaller_model"}'
    assert await metric(troubled, line) >= 1


def test_a_missing_model_is_one_sentence_and_not_a_stack_trace() -> None:
    with pytest.raises(RuntimeError) as failed:  # noqa: SIM117  one line would be too long
        with running("asr", ASR__ENGINE="whisper", ASR__MODEL="base", MODELS__DIR="/nonexistent"):
            pass
    said = str(failed.value)
    assert "voice-agent models pull base" in said
    assert "Traceback" not in said
