import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import psutil
import pytest

from tests.speech import SENTENCES, error_rate, pause, speech
from voice_agent.engines.base import Priority, RecognizeJob, Samples
from voice_agent.engines.pocketsphinx.engine import PocketSphinx
from voice_agent.errors import EngineUnavailable

_MAX_DECODERS = 3


@pytest.fixture
async def engine() -> AsyncIterator[PocketSphinx]:
    engine = PocketSphinx(max_decoders=_MAX_DECODERS)
    await engine.load()
    yield engine
    await engine.close()


def turn(text: str = "some water please") -> Samples:
    return np.concatenate([pause(0.5), speech(text), pause(0.2)])


def job(samples: Samples, session_id: str = "a", **fields: Any) -> RecognizeJob:
    return RecognizeJob(session_id=session_id, turn_id=1, samples=samples, **fields)


def partial(samples: Samples, session_id: str = "a") -> RecognizeJob:
    return job(samples, session_id, priority=Priority.PARTIAL)


def decoders() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.is_running() and "voice_agent.engines.pocketsphinx.worker" in child.cmdline()
    ]


async def until_there_are(n: int) -> None:
    async with asyncio.timeout(20):
        while len(decoders()) != n:  # noqa: ASYNC110  processes send no events
            await asyncio.sleep(0.02)


async def test_partials_grow_and_the_final_hears_the_whole_turn(engine: PocketSphinx) -> None:
    samples = turn(SENTENCES[3])
    texts: list[str] = []
    for end in range(16_000, len(samples), 8_000):
        heard = await engine.transcribe(partial(samples[:end]))
        assert heard is not None
        texts.append(heard.text)
    assert [len(text.split()) for text in texts] == sorted(len(text.split()) for text in texts)
    final = await engine.transcribe(job(samples))
    assert final is not None
    assert error_rate(SENTENCES[3], final.text) <= 0.3
    assert 0 < final.confidence <= 1
    times = [t for w in final.words for t in (w.start_s, w.end_s)]
    assert times == sorted(times)
    assert times[-1] <= len(samples) / 16_000 + 0.02


async def test_a_final_does_not_depend_on_what_was_heard_before(engine: PocketSphinx) -> None:
    texts: set[str] = set()
    for n, before in enumerate((pause(1.0), turn("good morning"), np.zeros(8000, np.float32))):
        await engine.transcribe(partial(before, f"before {n}"))
        await engine.transcribe(job(before, f"before {n}"))
        heard = await engine.transcribe(job(turn()))
        texts.add(heard.text if heard else "")
    assert len(texts) == 1


async def test_silence_and_very_short_audio_are_no_words(engine: PocketSphinx) -> None:
    for n, samples in enumerate((np.zeros(16_000, np.float32), pause(0), pause(0.01))):
        for ask in (partial, job):
            heard = await engine.transcribe(ask(samples, f"session {n}"))
            assert heard is not None
            assert len(heard.words) <= 1


async def test_the_pool_grows_with_those_who_talk_at_once_up_to_its_limit(
    engine: PocketSphinx,
) -> None:
    for n in range(6):
        await engine.transcribe(partial(turn()[:16_000], f"session {n}"))
    await until_there_are(_MAX_DECODERS)
    finals = await asyncio.gather(*(engine.transcribe(job(turn(), f"s{n}")) for n in range(6)))
    assert len({final.text for final in finals if final}) == 1
    assert len(decoders()) == _MAX_DECODERS


async def test_without_a_free_decoder_partials_are_none_and_finals_still_come(
    engine: PocketSphinx,
) -> None:
    talking = 0
    async with asyncio.timeout(20):
        while talking < _MAX_DECODERS:
            samples = turn()[:16_000]
            talking += await engine.transcribe(partial(samples, f"talks {talking}")) is not None
    assert await engine.transcribe(partial(turn()[:16_000], "late")) is None
    final = await engine.transcribe(job(turn(), "late"))
    assert final is not None
    assert final.text
    engine.forget("talks 1")
    assert await engine.transcribe(partial(turn()[:16_000], "late")) is not None


async def test_a_released_turn_leaves_its_decoder_to_others(engine: PocketSphinx) -> None:
    for n in range(_MAX_DECODERS * 3):
        heard = await engine.transcribe(partial(turn()[:16_000], f"session {n}"))
        assert heard is not None
        engine.release(f"session {n}", 1)


async def test_killing_a_decoder_over_a_job_does_not_lose_the_final(engine: PocketSphinx) -> None:
    expected = await engine.transcribe(job(turn()))
    waiting = [asyncio.create_task(engine.transcribe(job(turn(), f"s{n}"))) for n in range(4)]
    await asyncio.sleep(0.05)  # they run now
    for process in decoders():
        os.kill(process.pid, signal.SIGKILL)
    finals = await asyncio.gather(*waiting)
    assert [final.text for final in finals if final] == [expected.text if expected else ""] * 4


async def test_decoders_that_die_while_idle_are_started_again(engine: PocketSphinx) -> None:
    await engine.warm_up()
    await until_there_are(2)
    victims = decoders()
    for process in victims:
        os.kill(process.pid, signal.SIGKILL)
    final = await engine.transcribe(job(turn()))
    assert final is not None
    assert final.text
    await until_there_are(2)
    assert engine.ready
    assert not {p.pid for p in victims} & {p.pid for p in decoders()}


async def test_forgetting_a_session_takes_its_waiting_jobs(engine: PocketSphinx) -> None:
    running = [asyncio.create_task(engine.transcribe(job(turn(), f"s{n}"))) for n in range(4)]
    gone = asyncio.create_task(engine.transcribe(job(turn(), "gone")))
    await asyncio.sleep(0)
    engine.forget("gone")
    assert await gone is None
    assert all(await asyncio.gather(*running))


async def test_closing_ends_every_process_and_fails_what_waits() -> None:
    engine = PocketSphinx(max_decoders=2)
    await engine.load()
    waiting = [asyncio.create_task(engine.transcribe(job(turn(), f"s{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    await engine.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, EngineUnavailable) for result in results)
    assert decoders() == []
    assert not engine.ready
    with pytest.raises(EngineUnavailable):
        await engine.transcribe(job(turn()))
