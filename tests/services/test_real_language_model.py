"""A real language model behind a real server, spoken to through everything: `make test-llm`.

SmolLM2-135M says little that is right: what is asserted is that it is asked, answers, is heard,
and stops.
"""

import asyncio
import json
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import pytest

from benchmarks.demo import PROMPT, QUESTIONS, shown
from benchmarks.language_model import NAME, LanguageModel, serving_model
from benchmarks.spoken_turns import spoken, turns
from tests import real_models
from tests.services.conftest import RunningService, running
from tests.services.conversing import conversing
from tests.speech import error_rate

pytestmark = [pytest.mark.llm, pytest.mark.slow]

_NEVER_ENDS = {"logit_bias": {"2": -100}}
"""Token 2 ends an answer of SmolLM2: it writes until it may have no more tokens."""


@pytest.fixture(scope="module")
def model() -> Generator[LanguageModel]:
    real_models.smollm2()
    with serving_model(context_tokens=8_192) as served:
        yield served


@pytest.fixture(scope="module")
def voice() -> Generator[RunningService]:
    with running("tts", TTS__ENGINE="piper", TTS__MODEL=real_models.joe()) as service:
        yield service


@pytest.fixture(scope="module")
def ears() -> Generator[RunningService]:
    with running("asr", ASR__ENGINE="whisper", ASR__MODEL=real_models.base()) as service:
        yield service


def _agent(
    model: LanguageModel, ears: RunningService, voice: RunningService, **more: Any
) -> AbstractContextManager[RunningService]:
    """An agent that hears, thinks and speaks through the other processes."""
    return running(
        "agent",
        ASR__ENGINE="remote",
        ASR__MODEL="",
        ASR__URL=ears.ws,
        TTS__ENGINE="remote",
        TTS__URL=voice.ws,
        LLM__BASE_URL=model.base_url,
        LLM__MODEL=NAME,
        LLM__TEMPERATURE=0,
        LLM__SYSTEM_PROMPT=PROMPT,
        **more,
    )


async def test_ten_spoken_turns(
    model: LanguageModel, ears: RunningService, voice: RunningService
) -> None:
    sounds = await spoken(voice.ws, QUESTIONS)
    with _agent(model, ears, voice, LLM__MAX_TOKENS=60) as agent:
        done = [turn async for turn in turns(agent.ws, QUESTIONS, sounds)]
    told = "\n".join(shown(n, turn) for n, turn in enumerate(done, 1))
    assert len(done) == 10, told
    wrong = [error_rate(turn.said, turn.heard) for turn in done]
    assert sum(wrong) / len(wrong) <= 0.1, told
    for turn in done:
        assert len(turn.answer.split()) >= 1, told
        assert turn.spoken_s > 0.3, told
        assert turn.first_sound_ms is not None, told
        assert {"llm", "speech"} <= set(turn.stages), told
    # the first sentence is spoken while the next is written
    assert any(turn.text_after_sound for turn in done), told


async def _one_token(model: LanguageModel) -> str:
    body = {
        "model": NAME,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 1,
    }
    async with httpx2.AsyncClient(timeout=60) as client:
        response = await client.post(f"{model.base_url}/chat/completions", json=body)
    return response.json()["choices"][0]["finish_reason"]


async def test_an_interruption_stops_the_model(
    model: LanguageModel, ears: RunningService, voice: RunningService
) -> None:
    """The server answers one question after another: it has time for the next one only when it
    does not write the first any more, which would take it minutes."""
    more: dict[str, Any] = {"LLM__MAX_TOKENS": 6_000, "LLM__EXTRA": json.dumps(_NEVER_ENDS)}
    with _agent(model, ears, voice, **more) as agent:
        async with conversing(agent.ws) as caller:
            turn = await caller.ask("Tell me a very long story.")
            await caller.until_true(lambda: bool(caller.of("audio_chunk", turn)), within_s=60)
            waiting = asyncio.create_task(_one_token(model))
            await caller.until("audio_chunk", 2, turn)
            assert not waiting.done()  # it still writes
            await caller.say("interrupt")
            assert (await caller.until("answer_end", turn=turn)).message["interrupted"]
            async with asyncio.timeout(30):
                assert await waiting == "length"
            said = len(caller.text_of(turn).split())
            assert said < 2_000
            turn = await caller.ask("Hello again.")
            await caller.until_true(lambda: bool(caller.of("audio_chunk", turn)), within_s=60)
            await caller.say("interrupt")
            await caller.until("answer_end", turn=turn)


async def test_how_a_real_server_streams(model: LanguageModel) -> None:
    """What `tests/scripted_llm.py` imitates."""
    body = {
        "model": NAME,
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
        "max_tokens": 12,
        "stream": True,
    }
    deltas: list[dict[str, object]] = []
    ends: list[str | None] = []
    async with (
        httpx2.AsyncClient(timeout=60) as client,
        client.stream("POST", f"{model.base_url}/chat/completions", json=body) as response,
    ):
        lines = [line async for line in response.aiter_lines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    for line in lines[:-1]:
        (choice,) = json.loads(line.removeprefix("data: "))["choices"]
        deltas.append(choice["delta"])
        ends.append(choice["finish_reason"])
    assert "content" not in deltas[0]
    assert deltas[0]["role"] == "assistant"
    assert deltas[-1] == {}
    assert ends[-1] in ("stop", "length")
    assert set(ends[:-1]) == {None}
    words = [str(delta["content"]) for delta in deltas[1:-1]]
    assert any(word.startswith(" ") for word in words)
    assert not any(word.endswith(" ") for word in words)
