import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import psutil
import pytest
from pipecat.audio.turn.smart_turn._whisper_features import compute_whisper_log_mel_features
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

from tests.speech import SENTENCES, pause, speech
from voice_agent.audio.mel import log_mel, normalise
from voice_agent.engines.base import Samples
from voice_agent.engines.child import Child
from voice_agent.engines.smart_turn.engine import SmartTurn
from voice_agent.errors import EngineTimeout, EngineUnavailable


@pytest.fixture
async def judge() -> AsyncIterator[SmartTurn]:
    engine = SmartTurn()
    await engine.load()
    yield engine
    await engine.close()


def clips() -> list[Samples]:
    whole = speech(SENTENCES[0])
    long = np.concatenate([speech(text) for text in SENTENCES])
    return [
        np.concatenate([whole, pause(0.2)]),
        whole[: len(whole) // 2],
        long[: 8 * 16_000],
        long,
        pause(1.0),
        np.zeros(16_000, np.float32),
        whole[:800],
    ]


async def test_it_judges_as_pipecats_analyzer(judge: SmartTurn) -> None:
    stock = LocalSmartTurnAnalyzerV3()
    for samples in clips():
        expected = stock._predict_endpoint(samples)["probability"]
        assert await judge.probability(samples, session_id="a") == pytest.approx(expected, abs=1e-6)


async def test_many_sessions_at_a_pause_all_get_their_verdict(judge: SmartTurn) -> None:
    samples = clips()
    alone = [await judge.probability(s, session_id="a") for s in samples[:3]]
    at_once = await asyncio.gather(
        *(judge.probability(samples[n % 3], session_id=str(n)) for n in range(3))
    )
    assert at_once == alone


async def test_the_caller_may_go_on_writing_into_its_buffer(judge: SmartTurn) -> None:
    samples = clips()[0].copy()
    expected = await judge.probability(samples, session_id="a")
    asked = asyncio.create_task(judge.probability(samples, session_id="a"))
    await asyncio.sleep(0)
    samples[:] = 0
    assert await asked == expected


_AT_ONCE = 2  # verdicts


async def test_a_forgotten_session_waits_no_longer(judge: SmartTurn) -> None:
    running = [
        asyncio.create_task(judge.probability(pause(1), session_id="a")) for _ in range(_AT_ONCE)
    ]
    waiting = asyncio.create_task(judge.probability(pause(1), session_id="b"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    judge.forget("b")
    assert await waiting == 0.0
    assert not any(verdict.done() for verdict in running)
    await asyncio.gather(*running)


async def test_a_worker_that_dies_is_replaced(judge: SmartTurn) -> None:
    expected = await judge.probability(pause(1), session_id="a")
    for child in psutil.Process().children():
        if "voice_agent.engines.smart_turn.worker" in child.cmdline():
            child.kill()
    with pytest.raises(EngineUnavailable):
        await judge.probability(pause(1), session_id="a")
    async with asyncio.timeout(20):
        while True:
            try:
                assert await judge.probability(pause(1), session_id="a") == expected
                return
            except (EngineTimeout, EngineUnavailable):
                await asyncio.sleep(0.1)


async def test_replies_that_are_no_verdicts_cost_one_verdict_each(
    judge: SmartTurn, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await judge.probability(pause(1), session_id="a")
    ask = Child.ask
    odd: list[Any] = [{"probability": None}, {}, ["none"], {"probability": "soon"}]
    n_odd = len(odd)

    async def garbled(child: Child, *args: Any, **kwargs: Any) -> Any:
        answer = await ask(child, *args, **kwargs)
        return odd.pop() if odd else answer

    monkeypatch.setattr(Child, "ask", garbled)
    for _ in range(n_odd):
        with pytest.raises(EngineUnavailable):
            await judge.probability(pause(1), session_id="a")
    assert odd == []
    assert await judge.probability(pause(1), session_id="a") == expected
    assert judge.ready


async def test_without_anybody_to_give_work_to_its_workers_it_is_not_ready(
    judge: SmartTurn,
) -> None:
    for owner in judge._owners:
        owner.cancel()
    await asyncio.wait(judge._owners)
    assert not judge.ready


async def test_before_load_and_after_close_it_is_unavailable() -> None:
    engine = SmartTurn()
    with pytest.raises(EngineUnavailable):
        await engine.probability(pause(1), session_id="a")
    await engine.load()
    assert engine.ready
    await engine.close()
    with pytest.raises(EngineUnavailable):
        await engine.probability(pause(1), session_id="a")


@pytest.mark.parametrize("n", range(3))
def test_the_features_are_pipecats(n: int) -> None:
    padded = np.zeros(8 * 16_000, np.float32)
    clip = clips()[n][: len(padded)]
    padded[-len(clip) :] = clip
    ours = log_mel(normalise(padded))
    assert ours.shape == (80, 800)
    assert np.abs(ours - compute_whisper_log_mel_features(padded)).max() < 1e-5
