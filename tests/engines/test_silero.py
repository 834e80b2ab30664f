import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer

from benchmarks.noises import at_level
from benchmarks.vad_noises import keys
from tests.speech import SENTENCES, dialogue, pause, speech
from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.engines.base import Samples
from voice_agent.engines.silero import WINDOW_SAMPLES, SileroVad, VadStream
from voice_agent.errors import EngineUnavailable


@pytest.fixture
async def vad() -> AsyncIterator[SileroVad]:
    engine = SileroVad()
    await engine.load()
    yield engine
    await engine.close()


def sound(n: int) -> Samples:
    """Speech and silence with noise, another one for each number."""
    clean = np.concatenate(
        [dialogue([SENTENCES[n % 6]], 0.5 + 0.1 * n), pause(3.0), dialogue([SENTENCES[1]], 0.3)]
    )
    noise = np.random.default_rng(n).normal(0, 0.001 * (n + 1), len(clean))
    noisy = int16_to_float(float_to_int16((clean + noise).astype(np.float32)))
    return noisy[: len(noisy) // WINDOW_SAMPLES * WINDOW_SAMPLES]


def noise(n_windows: int) -> Samples:
    """Too loud to be passed over as digital silence."""
    samples = np.random.default_rng(n_windows).normal(0, 0.01, n_windows * WINDOW_SAMPLES)
    return samples.astype(np.float32)


def as_pipecat_scores(samples: Samples) -> list[float]:
    """The same windows through Pipecat's analyzer, without its resets."""
    analyzer = SileroVADAnalyzer(sample_rate=16_000)
    analyzer.set_sample_rate(16_000)
    model = analyzer._model
    assert model is not None
    model._state = np.array(VadStream().state[:, None])
    model._last_batch_size = 1
    model._last_sr = 16_000
    return [
        float(np.ravel(model(window.reshape(1, -1), 16_000))[0])
        for window in samples.reshape(-1, WINDOW_SAMPLES)
    ]


async def test_it_scores_as_pipecats_model_to_the_bit(vad: SileroVad) -> None:
    samples = sound(0)
    ours = await vad.probabilities(VadStream(quiet=False), samples)
    assert ours == as_pipecat_scores(samples)
    assert max(ours) > 0.9
    assert min(ours) < 0.1


async def test_thirty_streams_in_one_batch_score_as_each_alone(vad: SileroVad) -> None:
    sounds = [sound(n) for n in range(30)]
    together = await asyncio.gather(*(vad.probabilities(VadStream(quiet=False), s) for s in sounds))
    for n in (0, 7, 13, 29):
        assert together[n] == as_pipecat_scores(sounds[n])


def at_rest(stream: VadStream) -> bool:
    return bool(np.array_equal(stream.state, VadStream().state))


async def test_the_state_goes_back_at_the_first_rest_after_a_long_sound(vad: SileroVad) -> None:
    line = noise(40) * 0.05  # -66 dBFS
    quiet, speaking = VadStream(quiet=True), VadStream(quiet=False)
    for stream in quiet, speaking:
        await vad.probabilities(stream, noise(200))
        assert stream.stale
        assert not at_rest(stream)
        await vad.probabilities(stream, line)
    assert not quiet.stale
    assert speaking.stale


async def test_the_state_stays_between_short_sounds_and_goes_back_after_a_long_rest(
    vad: SileroVad,
) -> None:
    quiet, never = VadStream(quiet=True), VadStream(quiet=False)

    async def differ(sound: Samples) -> bool:
        for stream in quiet, never:
            await vad.probabilities(stream, sound)
        return not np.array_equal(quiet.state, never.state)

    for _ in range(10):
        assert not await differ(noise(30))
        assert not await differ(noise(30) * 0.05)
    assert not await differ(noise(500) * 0.05)
    assert await differ(noise(100) * 0.05)


async def test_the_state_stays_while_something_sounds(vad: SileroVad) -> None:
    stream = VadStream(quiet=True)
    await vad.probabilities(stream, noise(400))
    assert stream.stale
    assert not at_rest(stream)


async def test_a_word_is_heard_after_noise_and_a_short_rest(vad: SileroVad) -> None:
    sound = np.concatenate([noise(600), pause(1.2), speech("seven"), pause(0.5)])
    sound = int16_to_float(float_to_int16(sound))
    samples = sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES]
    scores = await vad.probabilities(VadStream(), samples)
    assert sum(score > 0.4 for score in scores[600:]) >= 4


async def test_who_sends_a_minute_at_once_does_not_hold_up_the_others(vad: SileroVad) -> None:
    order: list[str] = []

    async def score(name: str, n_windows: int) -> None:
        await vad.probabilities(VadStream(), noise(n_windows))
        order.append(name)

    minute = asyncio.create_task(score("minute", 1875))
    await asyncio.sleep(0)
    for n in range(5):
        await score(f"short {n}", 2)
    assert not minute.done()
    await minute
    assert order == [*(f"short {n}" for n in range(5)), "minute"]


async def test_more_streams_than_one_call_takes_are_all_served(vad: SileroVad) -> None:
    windows = noise(2)
    scores = await asyncio.gather(*(vad.probabilities(VadStream(), windows) for _ in range(120)))
    assert all(score == scores[0] for score in scores)


async def test_a_session_that_leaves_while_it_waits_disturbs_nobody(vad: SileroVad) -> None:
    windows = noise(50)
    leaves = asyncio.create_task(vad.probabilities(VadStream(), windows))
    stays = asyncio.create_task(vad.probabilities(VadStream(), windows))
    await asyncio.sleep(0)
    leaves.cancel()
    assert len(await stays) == 50


async def test_a_failure_is_told_to_all_who_wait_and_the_next_are_served(
    vad: SileroVad, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    with monkeypatch.context() as failing:
        failing.setattr(vad, "_run", fail)
        waiting = [vad.probabilities(VadStream(), noise(3)) for _ in range(3)]
        async with asyncio.timeout(10):
            told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in told] == [EngineUnavailable] * 3
    assert len(await vad.probabilities(VadStream(), noise(3))) == 3


async def test_after_close_windows_are_refused_and_waiters_told() -> None:
    vad = SileroVad()
    with pytest.raises(EngineUnavailable):
        await vad.probabilities(VadStream(), noise(1))
    await vad.load()
    waiting = asyncio.create_task(vad.probabilities(VadStream(), noise(1)))
    await asyncio.sleep(0)
    await vad.close()
    with pytest.raises(EngineUnavailable):
        await waiting


async def test_digital_silence_is_passed_over_while_nobody_speaks(vad: SileroVad) -> None:
    silence = np.zeros(100 * WINDOW_SAMPLES, np.float32)
    assert max(await vad.probabilities(VadStream(), silence)) < 0.1
    after, fresh = VadStream(), VadStream()
    await vad.probabilities(after, silence)
    spoken = sound(0)
    behind = await vad.probabilities(after, spoken)
    alone = await vad.probabilities(fresh, spoken)
    assert [p > 0.7 for p in behind] == [p > 0.7 for p in alone]


async def test_keys_that_somebody_presses_are_no_speech(vad: SileroVad) -> None:
    pressed = at_level(keys(60 * 16_000, np.random.default_rng(0)), -26).astype(np.float32)
    pressed = pressed[: len(pressed) // WINDOW_SAMPLES * WINDOW_SAMPLES]
    scores = await vad.probabilities(VadStream(quiet=False), pressed)
    raw = as_pipecat_scores(pressed)
    assert max(raw) > 0.4
    assert sum(score > 0.25 for score in scores) < sum(score > 0.25 for score in raw) / 2
