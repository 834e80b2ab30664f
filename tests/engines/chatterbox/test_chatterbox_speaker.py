"""The speaker as sessions see it, on a small checkpoint."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from tools.make_test_chatterbox import checkpoint, random_voice, stock_voice
from voice_agent.engines.base import ClonedVoice, SpeakJob, SpokenChunk
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.speaker import ChatterboxSpeaker
from voice_agent.engines.clauses import limits_of
from voice_agent.errors import (
    BadAudio,
    EngineTimeout,
    EngineUnavailable,
    Unsupported,
    VoiceNotFound,
)
from voice_agent.settings import ChatterboxSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKENS = 20
"""Of every clause."""
TWO_CLAUSES = "This is the first sentence. And this is the second one."


def speaker_of(**changed: Any) -> ChatterboxSpeaker:
    given: dict[str, Any] = {"slots": 4, "threads": 1, "flow_steps": 4, "prompt_s": 2.0}
    settings = ChatterboxSettings(**{**given, **changed})
    return ChatterboxSpeaker(
        find_checkpoint(checkpoint(TOKENS)), settings, lambda: ("cpu", "float32"), max_jobs=6
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaker() -> AsyncGenerator[ChatterboxSpeaker]:
    """One for all tests: each leaves it as it was."""
    speaker = speaker_of(watermark=False)
    await speaker.load()
    yield speaker
    await speaker.close()


def job(text: str = "Hello there.", **changed: Any) -> SpeakJob:
    return SpeakJob(session_id="s", **{"text": text, "seed": 7, "timeout_s": 60.0, **changed})


def cloned(seed: int) -> ClonedVoice:
    return ClonedVoice(voice_id=f"v{seed}", version="1", conditioning=random_voice(seed, 1.0))


async def said(speaker: ChatterboxSpeaker, asked: SpeakJob) -> list[SpokenChunk]:
    return [chunk async for chunk in speaker.speak(asked)]


def audio(chunks: list[SpokenChunk]) -> NDArray[np.float32]:
    return np.concatenate([chunk.samples for chunk in chunks])


async def test_a_job_is_spoken_and_every_chunk_says_which_text_it_is(
    speaker: ChatterboxSpeaker,
) -> None:
    chunks = await said(speaker, job(TWO_CLAUSES, chunk_s=0.8))
    assert len(audio(chunks)) == 2 * TOKENS * 960  # each sentence has as many
    assert all(chunk.samples.dtype == np.float32 and len(chunk.samples) for chunk in chunks)
    assert chunks[0].text_start == 0
    assert chunks[-1].text_end == len(TWO_CLAUSES)
    for before, after in pairwise(chunks):
        assert before.text_start <= before.text_end == after.text_start
    assert len(chunks[0].samples) < 0.5 * 24_000


async def test_clauses_have_few_enough_tokens_and_are_not_too_short(
    speaker: ChatterboxSpeaker,
) -> None:
    limits = limits_of(speaker)
    assert limits.count_tokens("Yes.") == 4
    assert limits.max_tokens == 240
    chunks = await said(speaker, job("That is what I have said. Yes."))
    assert len(audio(chunks)) == TOKENS * 960
    # alone it may not go on for ever, whatever the model makes of it
    assert len(audio(await said(speaker, job("Yes.")))) == TOKENS * 960


async def test_tags_that_the_model_does_not_know_are_not_read_out(
    speaker: ChatterboxSpeaker,
) -> None:
    with_tag = await said(speaker, job("Hello [laugh] there."))
    assert np.array_equal(audio(with_tag), audio(await said(speaker, job("Hello there."))))
    assert with_tag[-1].text_end == len("Hello [laugh] there.")
    with pytest.raises(Unsupported):
        await said(speaker, job("[laugh] [sigh]"))


@pytest.mark.parametrize("speed", [0.5, 1.5])
async def test_speed_stretches_and_loses_nothing(speaker: ChatterboxSpeaker, speed: float) -> None:
    chunks = await said(speaker, job(TWO_CLAUSES, speed=speed, chunk_s=0.4))
    expected = 2 * TOKENS * 960 / speed
    assert len(audio(chunks)) == pytest.approx(expected, abs=0.05 * 24_000)
    assert (chunks[0].text_start, chunks[-1].text_end) == (0, len(TWO_CLAUSES))
    for before, after in pairwise(chunks):
        assert before.text_end <= after.text_start <= after.text_end


async def test_equal_jobs_sound_alike_whoever_else_speaks(speaker: ChatterboxSpeaker) -> None:
    alone = audio(await said(speaker, job()))
    asked = [job(), *(job(voice=cloned(seed), seed=seed) for seed in range(3))]
    together = await asyncio.gather(*(said(speaker, one) for one in asked))
    difference = np.linalg.norm(audio(together[0]) - alone) / np.linalg.norm(alone)
    assert difference < 5e-3
    voices = [audio(chunks) for chunks in together]
    for i, one in enumerate(voices):
        for other in voices[i + 1 :]:
            assert np.linalg.norm(one - other) > 0.05 * np.linalg.norm(one)


async def test_closing_a_job_frees_its_slot_at_once(speaker: ChatterboxSpeaker) -> None:
    scheduler: Any = speaker._owner._scheduler
    jobs = [speaker.speak(job(TWO_CLAUSES)) for _ in range(4)]
    for stream in jobs:
        await anext(stream)
    for stream in jobs:
        await stream.aclose()
    assert audio(await said(speaker, job())).size == TOKENS * 960
    assert scheduler.free_slots == 4
    assert not scheduler.open_numbers


async def test_a_reader_who_does_not_read_stops_the_model(speaker: ChatterboxSpeaker) -> None:
    scheduler: Any = speaker._owner._scheduler
    before = scheduler.counts.drawn
    text = "One more sentence to say. " * 6
    stream = speaker.speak(job(text, chunk_s=0.4))
    await anext(stream)
    drawn = -1
    while scheduler.counts.drawn != drawn:
        drawn = scheduler.counts.drawn
        await asyncio.sleep(0.5)
    assert drawn - before <= 75 + 10
    rest = [chunk async for chunk in stream]
    assert rest[-1].text_end == len(text)


async def test_the_voice_of_a_job_must_be_there(speaker: ChatterboxSpeaker) -> None:
    speaker.check_voice("default", "en-US")
    with pytest.raises(VoiceNotFound):
        speaker.check_voice("nobody", None)
    with pytest.raises(Unsupported):
        speaker.check_voice("default", "de")
    with pytest.raises(VoiceNotFound):
        await said(speaker, job(voice_id="nobody"))
    assert [voice.voice_id for voice in speaker.voices] == ["default"]


async def test_too_many_jobs_are_refused(speaker: ChatterboxSpeaker) -> None:
    jobs = [speaker.speak(job()) for _ in range(6)]
    for stream in jobs:
        await anext(stream)
    with pytest.raises(EngineUnavailable):
        await anext(speaker.speak(job()))
    for stream in jobs:
        await stream.aclose()


async def test_a_late_first_chunk_is_a_timeout_and_leaves_nothing(
    speaker: ChatterboxSpeaker,
) -> None:
    with pytest.raises(EngineTimeout):
        await said(speaker, job(timeout_s=0.001))
    assert (await said(speaker, job()))[-1].text_end == len("Hello there.")


async def test_a_job_of_a_session_that_is_gone_ends(speaker: ChatterboxSpeaker) -> None:
    stream = speaker.speak(job(TWO_CLAUSES, chunk_s=0.4))
    await anext(stream)
    speaker.forget("s")
    with pytest.raises(EngineUnavailable):
        await _rest(stream)


async def _rest(stream: AsyncGenerator[SpokenChunk]) -> list[SpokenChunk]:
    return [chunk async for chunk in stream]


async def test_a_model_that_fails_ends_the_jobs_and_goes_on(
    speaker: ChatterboxSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = speaker._model

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(model, "step", broken)
        with pytest.raises(EngineUnavailable):
            await said(speaker, job())
    assert audio(await said(speaker, job())).size == TOKENS * 960


async def test_audio_is_watermarked_unless_switched_off() -> None:
    plain, marked = speaker_of(watermark=False), speaker_of()
    for speaker in (plain, marked):
        await speaker.load()
        await speaker.warm_up()
        assert speaker.ready
    one, other = [audio(await said(speaker, job())) for speaker in (plain, marked)]
    assert one.shape == other.shape
    assert not np.array_equal(one, other)
    await plain.close()
    await marked.close()
    assert not marked.ready


async def test_conditioning_is_what_the_stock_class_computes(
    speaker: ChatterboxSpeaker, stock: Any, tmp_path: Path
) -> None:
    import soundfile

    noise = np.random.default_rng(0).standard_normal(3 * 24_000 + 100)
    clip = (0.1 * noise).astype(np.float32)
    soundfile.write(tmp_path / "clip.wav", clip, 24_000, subtype="FLOAT")
    stock.prepare_conditionals(tmp_path / "clip.wav")
    expected = stock.conds
    stock.conds = stock_voice(random_voice(0))
    ours = await speaker.condition(clip, 24_000)
    t3, gen = expected.t3, expected.gen
    tokens = t3.cond_prompt_speech_tokens.numpy()
    assert np.array_equal(ours["t3.cond_prompt_speech_tokens"], tokens)
    assert np.array_equal(ours["gen.prompt_token"], gen["prompt_token"].numpy())
    assert np.allclose(ours["t3.speaker_emb"], t3.speaker_emb.detach().numpy(), atol=1e-5)
    assert np.allclose(ours["gen.embedding"], gen["embedding"].detach().numpy(), atol=1e-3)
    frames = gen["prompt_feat"].numpy()[:, : ours["gen.prompt_feat"].shape[1]]
    assert np.allclose(ours["gen.prompt_feat"], frames, atol=1e-4)
    voice = ClonedVoice(voice_id="n", version="1", conditioning=ours)
    assert audio(await said(speaker, job(voice=voice))).size == TOKENS * 960


async def test_a_clip_without_speech_in_it_is_refused(speaker: ChatterboxSpeaker) -> None:
    with pytest.raises(BadAudio):
        await speaker.condition(np.zeros(100, np.float32), 24_000)


async def test_before_load_and_after_close_it_is_unavailable() -> None:
    speaker = speaker_of(watermark=False)
    assert not speaker.ready
    with pytest.raises(EngineUnavailable):
        await said(speaker, job())
    await speaker.load()
    assert len(speaker.checkpoint) == 16
    assert speaker.family == "chatterbox-english"
    assert speaker.info.sample_rate_hz == 24_000
    await speaker.close()
    await speaker.close()
    with pytest.raises(EngineUnavailable):
        await said(speaker, job())
