"""The espeak engine with its real worker process."""

import asyncio
import resource
import time
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import pytest

from tests.engines.espeak.say import spoken
from voice_agent.engines.base import ClonedVoice, Priority, SpeakJob, SpokenChunk
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.errors import (
    EngineTimeout,
    EngineUnavailable,
    Unsupported,
    VoiceNotFound,
)

LONG = ("The quick brown fox jumps over the lazy dog, and then it sleeps. " * 77)[:5000]
RATE_HZ = 22_050


def job(text: str, session_id: str = "caller", voice_id: str = "default") -> SpeakJob:
    return SpeakJob(session_id=session_id, text=text, voice_id=voice_id)


async def test_it_says_what_it_is(speaker: EspeakSpeaker) -> None:
    assert speaker.info.name == "espeak"
    assert speaker.info.role == "speaks"
    assert speaker.info.model == "espeak-ng 1.52.0"
    assert speaker.info.sample_rate_hz == RATE_HZ
    assert {"en-us", "de", "ja"} <= set(speaker.info.languages)


async def test_it_is_ready_when_it_has_spoken(speaker: EspeakSpeaker) -> None:
    assert not speaker.ready
    await speaker.warm_up()
    assert speaker.ready


async def test_speech_is_audible_and_within_full_scale(speaker: EspeakSpeaker) -> None:
    samples = await spoken(speaker, job("Hello, how can I help you?"))
    assert samples.dtype == np.float32
    assert 1.5 < len(samples) / RATE_HZ < 4
    assert 0.1 < np.abs(samples).max() <= 1


async def test_a_voice_sounds_the_same_to_the_bit_whatever_spoke_before(
    speaker: EspeakSpeaker,
) -> None:
    text = 'Hello world, this is a test: "it goes on", for 123 dollars.'
    alone = await spoken(speaker, job(text, voice_id="en-gb+f2"))
    for other in ("en-us", "de+klatt2", "en-us+whisper", "en-us+klatt6", "ja", "en-us+f2"):
        await spoken(speaker, job(text, voice_id=other))
        assert np.array_equal(await spoken(speaker, job(text, voice_id="en-gb+f2")), alone), other


async def test_a_cancelled_voice_leaves_no_trace_either(speaker: EspeakSpeaker) -> None:
    alone = await spoken(speaker, job("Hello there, again."))
    async with aclosing(speaker.speak(job(LONG, voice_id="en-us+whisper"))) as speech:
        await anext(speech)
    assert np.array_equal(await spoken(speaker, job("Hello there, again.")), alone)


async def test_voices_of_one_language_differ(speaker: EspeakSpeaker) -> None:
    plain = await spoken(speaker, job("Hello", voice_id="en-us"))
    varied = await spoken(speaker, job("Hello", voice_id="en-us+edward"))
    assert not np.array_equal(plain, varied)
    assert np.array_equal(varied, await spoken(speaker, job("Hello")))  # the default


@pytest.mark.parametrize("voice_id", ["en", "en-gb", "EN-US", "fr", "zh", "no", "de+klatt2", "yue"])
async def test_every_code_of_a_voice_is_an_id(speaker: EspeakSpeaker, voice_id: str) -> None:
    assert len(await spoken(speaker, job("one two", voice_id=voice_id)))


@pytest.mark.parametrize("voice_id", ["nobody", "en-us+nobody", "xx+f2", "+f2", "en-us+"])
async def test_an_unknown_voice_is_refused(speaker: EspeakSpeaker, voice_id: str) -> None:
    with pytest.raises(VoiceNotFound):
        await spoken(speaker, job("Hello", voice_id=voice_id))


@pytest.mark.slow
async def test_every_listed_voice_speaks(speaker: EspeakSpeaker) -> None:
    assert speaker.voices[0].voice_id == "default"
    ids = [voice.voice_id for voice in speaker.voices]
    assert len(ids) == len(set(ids)) > 200
    silent = [i for i in ids if not np.any(await spoken(speaker, job("1, one", voice_id=i)))]
    assert not silent


async def test_another_language_keeps_the_variant_of_the_voice(speaker: EspeakSpeaker) -> None:
    german = SpeakJob(session_id="a", text="Guten Tag", voice_id="en-us+f3", language="de-DE")
    same = SpeakJob(session_id="a", text="Guten Tag", voice_id="de+f3")
    assert np.array_equal(await spoken(speaker, german), await spoken(speaker, same))
    with pytest.raises(Unsupported):
        await spoken(speaker, SpeakJob(session_id="a", text="x", language="tlh"))


async def test_speed_changes_how_long_it_takes(speaker: EspeakSpeaker) -> None:
    n_samples = [
        len(await spoken(speaker, SpeakJob(session_id="a", text="One two three.", speed=speed)))
        for speed in (0.7, None, 1.0, 2.0)
    ]
    assert n_samples[0] > n_samples[1] == n_samples[2] > n_samples[3]


@pytest.mark.parametrize(
    "text",
    [
        "Hello world, this is a Größe test. It goes on: yes! 123 dollars.",
        "Hello 😀 there, e\u0301lan. 日本語です。 Ok?",
        "It costs $3.50, or 5%. Dr. Smith said so…",
        "a\nb\n\nc \t d",
    ],
)
async def test_text_positions_go_forward_through_the_whole_text(
    speaker: EspeakSpeaker, text: str
) -> None:
    chunks = [chunk async for chunk in speaker.speak(job(text))]
    assert chunks[0].text_start == 0
    assert chunks[-1].text_end == len(text.rstrip())
    for before, after in pairwise(chunks):
        assert before.text_start <= after.text_start
        assert before.text_end <= after.text_end
    for chunk in chunks:
        assert len(chunk.samples)
        assert 0 <= chunk.text_start <= chunk.text_end <= len(text)


async def test_a_word_is_heard_where_the_positions_say(speaker: EspeakSpeaker) -> None:
    """Cutting the audio at the word's first chunk gives what the first part alone sounds like."""
    text = "Größe 😀 one. Fifteen hundred!"
    at = text.index("Fifteen")
    chunks = [chunk async for chunk in speaker.speak(job(text))]
    before = [chunk.samples for chunk in chunks if chunk.text_start < at]
    first = await spoken(speaker, job(text[:at]))
    assert np.array_equal(np.concatenate(before), first)


async def test_control_characters_do_not_steer_the_voice(speaker: EspeakSpeaker) -> None:
    plain = await spoken(speaker, job("say   99P this"))
    steered = await spoken(speaker, job("say \x01 99P this\x00 and"))
    assert len(steered) > len(plain)
    raised = await spoken(speaker, job("say \x0199P this"))
    assert np.array_equal(raised, await spoken(speaker, job("say  99P this")))


async def test_closing_stops_the_worker_at_once(speaker: EspeakSpeaker) -> None:
    began_s = time.monotonic()
    await spoken(speaker, job(LONG))
    whole_s = time.monotonic() - began_s
    speech = speaker.speak(job(LONG))
    await anext(speech)
    began_s = time.monotonic()
    await speech.aclose()
    await spoken(speaker, job("Next."))
    assert time.monotonic() - began_s < whole_s / 2  # 5 ms on an idle machine


async def test_cancelling_the_reader_stops_the_worker(speaker: EspeakSpeaker) -> None:
    started = asyncio.Event()

    async def read() -> None:
        async for _ in speaker.speak(job(LONG)):
            started.set()
            await asyncio.get_running_loop().create_future()

    reader = asyncio.create_task(read())
    await started.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert len(await spoken(speaker, job("Next.")))


async def test_an_interactive_sentence_waits_for_one_batch_clause_at_most() -> None:
    speaker = EspeakSpeaker(ahead_s=1000)
    await speaker.load()
    order: list[str] = []
    began = asyncio.Event()

    async def read(name: str, text: str, priority: Priority) -> None:
        async for _ in speaker.speak(SpeakJob(session_id=name, text=text, priority=priority)):
            order.append(name)
            began.set()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(read("batch", LONG, Priority.BATCH))
            await began.wait()
            began_at = len(order)
            group.create_task(read("caller", "Hello.", Priority.INTERACTIVE))
    finally:
        await speaker.close()
    one_clause = 5 * RATE_HZ // 1324  # its pieces: 5 s, 60 ms each
    assert order.index("caller") - began_at <= 2 * one_clause


async def test_a_reader_that_stops_stops_the_synthesis(speaker: EspeakSpeaker) -> None:
    speech = speaker.speak(job(LONG, "slow"))
    await anext(speech)
    rss_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):  # others are served meanwhile
        await spoken(speaker, job("One, two.", "other"))
    (waiting,) = speaker._owner.speeches()
    assert waiting.waiting_samples < 10 * RATE_HZ  # 2 s ahead and one clause of 5 s
    assert waiting.has_clauses
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss_kib < 20_000
    rest = [chunk async for chunk in speech]
    assert rest[-1].text_end == len(LONG.rstrip())


async def test_too_many_open_jobs_are_refused_at_once() -> None:
    speaker = EspeakSpeaker(max_jobs=2)
    await speaker.load()
    try:
        open_speeches = [speaker.speak(job(LONG, f"s{i}")) for i in range(2)]
        for speech in open_speeches:
            await anext(speech)
        with pytest.raises(EngineUnavailable, match="too many"):
            await spoken(speaker, job("Hello"))
        await open_speeches[0].aclose()
        assert len(await spoken(speaker, job("Hello")))
        await open_speeches[1].aclose()
    finally:
        await speaker.close()


async def test_a_job_has_a_deadline(speaker: EspeakSpeaker) -> None:
    hurried = SpeakJob(session_id="a", text="Hello", timeout_s=0)
    with pytest.raises(EngineTimeout):
        await spoken(speaker, hurried)
    assert len(await spoken(speaker, job("Hello")))


async def test_forgetting_a_session_ends_its_jobs_and_no_others(speaker: EspeakSpeaker) -> None:
    gone, stays = speaker.speak(job(LONG, "gone")), speaker.speak(job("Hello.", "stays"))
    await anext(gone)
    await anext(stays)
    speaker.forget("gone")
    with pytest.raises(EngineUnavailable):
        await anext(gone)
    chunks: list[SpokenChunk] = [chunk async for chunk in stays]
    assert chunks[-1].text_end == len("Hello.")


async def test_it_cannot_clone(speaker: EspeakSpeaker) -> None:
    assert (speaker.clones, speaker.family, speaker.checkpoint) == (False, "", "")
    with pytest.raises(Unsupported, match="cannot clone"):
        await speaker.condition(np.zeros(16_000, np.float32), 16_000)
    voice = ClonedVoice(voice_id="me", version="1", conditioning={})
    with pytest.raises(Unsupported, match="cannot clone"):
        await anext(speaker.speak(SpeakJob(session_id="s", text="Hello.", voice=voice)))


async def test_jobs_before_load_and_after_close_are_refused() -> None:
    speaker = EspeakSpeaker()
    with pytest.raises(EngineUnavailable, match="not loaded"):
        await spoken(speaker, job("Hello"))
    await speaker.load()
    speech = speaker.speak(job(LONG))
    await anext(speech)
    await speaker.close()
    await speaker.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        await anext(speech)
    with pytest.raises(EngineUnavailable, match="closed"):
        await spoken(speaker, job("Hello"))
