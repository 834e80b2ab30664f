"""All that the wire has for speech, with Chatterbox behind it."""

import itertools

import httpx2
import numpy as np
import pytest

from tests.services.conftest import RunningService
from tests.services.listener import Answer, listening
from tests.services.test_tts_speech import decoded_samples
from tests.services_tts.conftest import TOKENS
from tests.services_tts.voices import SAME, distance

pytestmark = pytest.mark.e2e

TEXT = "This is the first sentence. And this one is the second."
CLAUSE_S = TOKENS / 25
CLAUSE_SAMPLES = round(CLAUSE_S * 24_000)


async def test_chunks_come_in_order_and_say_which_text_they_are(tts: RunningService) -> None:
    async with listening(tts) as listener:
        assert listener.ready["engine"]["speaks"]["name"] == "chatterbox"
        answer = await listener.speak(TEXT, request_id="a", chunk_size=10)
    messages = [message for message, _ in answer.chunks]
    assert [message["chunk_id"] for message in messages] == list(range(len(messages)))
    assert {message["request_id"] for message in messages} == {"a"}
    assert (messages[0]["text_start"], messages[-1]["text_end"]) == (0, len(TEXT))
    for before, after in itertools.pairwise(messages):
        assert before["text_start"] <= after["text_start"] <= before["text_end"] + 1
    assert answer.complete["chunks_sent"] == len(messages) > 3
    assert answer.complete["cancelled"] is False
    assert len(answer.samples) == 2 * CLAUSE_SAMPLES
    assert answer.total_ms == pytest.approx(2000 * CLAUSE_S, abs=0.1)


async def test_written_text_sounds_like_the_whole_of_it(tts: RunningService) -> None:
    async with listening(tts) as listener:
        whole = await listener.speak(TEXT, seed=9)
        for at in range(0, len(TEXT), 4):
            delta = TEXT[at : at + 4]
            await listener.send(type="text", request_id="w", delta=delta, seed=9)
        await listener.send(type="flush", request_id="w")
        written = await listener.answer()
    assert written.chunks[-1][0]["text_end"] == len(TEXT)
    # a sentence of its own each: the second one's seed is that of its own beginning
    first = slice(0, CLAUSE_SAMPLES)
    assert distance(written.samples[first], whole.samples[first]) < SAME
    assert len(written.samples) == len(whole.samples)


@pytest.mark.parametrize("encoding", ["pcm_f32le", "pcm_s16le", "mulaw", "wav", "mp3", "opus"])
async def test_every_encoding_has_the_whole_speech(tts: RunningService, encoding: str) -> None:
    rate = 8_000 if encoding == "mulaw" else 24_000
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT, encoding=encoding, sample_rate=rate)
    n_samples, decoded_rate = decoded_samples(answer.data, encoding, rate)
    slack_s = {"mp3": 3 * 576 / rate, "opus": 0.03}.get(encoding, 1 / rate)
    assert n_samples / decoded_rate == pytest.approx(2 * CLAUSE_S, abs=slack_s)
    assert answer.total_ms == pytest.approx(2000 * CLAUSE_S, abs=1)


async def test_without_streaming_it_is_one_chunk_of_the_same_sound(tts: RunningService) -> None:
    async with listening(tts) as listener:
        streamed = await listener.speak(TEXT, seed=2)
        whole = await listener.speak(TEXT, seed=2, streaming=False)
    assert len(whole.chunks) == 1
    assert distance(whole.samples, streamed.samples) < SAME


async def test_a_seed_makes_the_same_speech_and_another_seed_other_speech(
    tts: RunningService,
) -> None:
    async with listening(tts) as listener:
        answers = [await listener.speak(TEXT, seed=seed) for seed in (1, 1, 2)]
        unseeded = [await listener.speak(TEXT) for _ in range(2)]
    assert np.array_equal(answers[0].samples, answers[1].samples)
    assert distance(answers[2].samples, answers[0].samples) > 10 * SAME
    assert distance(unseeded[0].samples, unseeded[1].samples) > 10 * SAME


async def test_emotion_is_heard(tts: RunningService) -> None:
    async with listening(tts) as listener:
        calm, excited = [await listener.speak(TEXT, seed=1, emotion=e) for e in (0.0, 1.0)]
    assert distance(calm.samples, excited.samples) > 10 * SAME


@pytest.mark.parametrize("speed", [0.8, 1.5])
async def test_speed_changes_how_long_it_takes(tts: RunningService, speed: float) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT, speed=speed, encoding="pcm_s16le", sample_rate=16_000)
    assert answer.total_ms == pytest.approx(2000 * CLAUSE_S / speed, abs=60)
    assert answer.chunks[-1][0]["text_end"] == len(TEXT)


@pytest.mark.parametrize("chunk_size", [5, 20, 250])
async def test_chunks_have_the_wished_length(tts: RunningService, chunk_size: int) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT, chunk_size=chunk_size)
    lengths_ms = [message["duration_ms"] for message, _ in answer.chunks]
    assert all(ms == pytest.approx(40 * chunk_size, abs=0.1) for ms in lengths_ms[1:-1])
    assert max(lengths_ms) <= 40 * chunk_size + 0.1
    assert len(answer.samples) == 2 * CLAUSE_SAMPLES


async def test_a_cancel_stops_it_and_the_next_request_is_spoken(tts: RunningService) -> None:
    async with listening(tts) as listener:
        await listener.send(type="synthesize", request_id="long", text=TEXT * 20)
        await listener.send(type="synthesize", request_id="next", text=TEXT)
        await listener.first_chunk()
        await listener.send(type="cancel", request_id="long")
        cancelled, following = await listener.answer(), await listener.answer()
    assert cancelled.complete["cancelled"] is True
    assert cancelled.complete["total_duration_ms"] < 20_000
    assert following.complete["request_id"] == "next"
    assert len(following.samples) == 2 * CLAUSE_SAMPLES


async def test_interactive_requests_go_before_patient_ones(tts: RunningService) -> None:
    async with listening(tts) as batch, listening(tts) as caller:
        await batch.send(
            type="synthesize", text=TEXT * 30, streaming=False, priority="batch", request_id="b"
        )
        answer: Answer = await caller.speak(TEXT)
        assert len(answer.samples) == 2 * CLAUSE_SAMPLES
        await batch.send(type="cancel", request_id="b")
        assert (await batch.answer()).complete["cancelled"] is True


async def test_http_speaks_the_same(tts: RunningService) -> None:
    async with listening(tts) as listener:
        expected = await listener.speak(TEXT, seed=6)
    async with httpx2.AsyncClient(base_url=f"{tts.http}/v1", timeout=30) as client:
        response = await client.post("/synthesize", json={"text": TEXT, "seed": 6})
    assert response.status_code == 200
    assert distance(np.frombuffer(response.content, "<f4"), expected.samples) < SAME
