"""What is spoken: order, durations, encodings, sound."""

import asyncio
import io
import itertools

import av
import numpy as np
import pytest

from tests.services.conftest import RunningService
from tests.services.listener import Answer, listening, metric

TEXT = "Hello there, how are you? It goes on here; yes! And this is the end of it."
ENCODINGS = ("pcm_f32le", "pcm_s16le", "mulaw", "wav", "mp3", "opus")
RATES = (8_000, 16_000, 24_000, 48_000)


def decoded_samples(data: bytes, encoding: str, sample_rate: int) -> tuple[int, int]:
    """How many samples there are, and at which rate."""
    match encoding:
        case "pcm_f32le":
            return len(data) // 4, sample_rate
        case "pcm_s16le":
            return len(data) // 2, sample_rate
        case "mulaw":
            return len(data), sample_rate
        case _:
            # the embedded engine's WAV header says that the length is unknown
            with av.open(io.BytesIO(data), "r") as container:
                stream = container.streams.audio[0]
                frames = list(container.decode(stream))
            assert all(np.isfinite(frame.to_ndarray()).all() for frame in frames)
            return sum(frame.samples for frame in frames), stream.rate


async def test_chunks_come_in_order_and_their_durations_add_up(tts: RunningService) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT, request_id="a")
    messages = [message for message, _ in answer.chunks]
    assert [message["chunk_id"] for message in messages] == list(range(len(messages)))
    assert {message["request_id"] for message in messages} == {"a"}
    assert messages[0]["text_start"] == 0
    assert messages[-1]["text_end"] == len(TEXT)
    for before, after in itertools.pairwise(messages):
        assert before["text_start"] <= after["text_start"] <= before["text_end"] + 1
    assert answer.complete["chunks_sent"] == len(messages) > 2
    assert answer.complete["cancelled"] is False
    assert not answer.others
    sample_ms = 1000 / 24_000
    assert answer.complete["total_duration_ms"] == pytest.approx(answer.total_ms, abs=1e-6)
    assert answer.total_ms == pytest.approx(len(answer.samples) * sample_ms, abs=sample_ms)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_every_encoding_at_every_rate_decodes_to_its_duration(
    tts: RunningService, encoding: str
) -> None:
    async with listening(tts) as listener:
        for rate in RATES:
            answer = await listener.speak(TEXT, encoding=encoding, sample_rate=rate)
            n_samples, decoded_rate = decoded_samples(answer.data, encoding, rate)
            # an MP3 has up to three frames more: its lead-in, and the end of the last one
            frame_samples = 576 if rate < 32_000 else 1152
            mp3_ms = 3000 * frame_samples / rate
            slack_ms = {"mp3": mp3_ms, "opus": 30}.get(encoding, 1000 / rate)
            heard_ms = 1000 * n_samples / decoded_rate
            assert heard_ms == pytest.approx(answer.complete["total_duration_ms"], abs=slack_ms)


async def test_without_streaming_there_is_one_chunk_with_the_same_sound(
    tts: RunningService,
) -> None:
    async with listening(tts) as listener:
        streamed = await listener.speak(TEXT)
        whole = await listener.speak(TEXT, streaming=False)
    assert len(whole.chunks) == 1
    assert whole.data == streamed.data


async def test_requests_of_a_session_are_spoken_in_order(tts: RunningService) -> None:
    async with listening(tts) as listener:
        for number in range(5):
            await listener.send(
                type="synthesize", request_id=str(number), text=f"This is {number}."
            )
        answers = [await listener.answer() for _ in range(5)]
    for number, answer in enumerate(answers):
        assert answer.complete["request_id"] == str(number)
        assert {message["request_id"] for message, _ in answer.chunks} == {str(number)}


async def test_two_sessions_speak_side_by_side(tts: RunningService) -> None:
    async with listening(tts) as one, listening(tts) as two:
        await one.send(type="synthesize", text=TEXT * 60)
        await one.first_chunk()
        short = await two.speak("Hello there.")
        assert short.complete["cancelled"] is False
        await one.send(type="cancel")
        assert (await one.answer()).complete["cancelled"] is True


async def test_a_server_made_request_id_is_the_same_throughout(tts: RunningService) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT)
    ids = {message["request_id"] for message, _ in answer.chunks}
    assert ids == {answer.complete["request_id"]}


async def written(text: str, service: RunningService, n_chars: int) -> Answer:
    async with listening(service) as listener:
        for at in range(0, len(text), n_chars):
            await listener.send(type="text", request_id="w", delta=text[at : at + n_chars])
        await listener.send(type="flush", request_id="w")
        return await listener.answer()


async def test_text_as_it_is_written_is_spoken_to_its_end(tts: RunningService) -> None:
    by_letter = await written(TEXT, tts, 1)
    assert by_letter.complete["cancelled"] is False
    assert by_letter.chunks[-1][0]["text_end"] == len(TEXT)
    assert by_letter.data == (await written(TEXT, tts, 1)).data


async def test_written_text_is_spoken_from_its_first_clause_on(tts: RunningService) -> None:
    async with listening(tts) as listener:
        delta = "This is the first sentence of a long answer. And the"
        await listener.send(type="text", request_id="w", delta=delta)
        message, _ = await listener.first_chunk()
        assert message["text_start"] == 0
        await listener.send(type="text", request_id="w", delta=" second one is here.")
        await listener.send(type="flush", request_id="w")
        answer = await listener.answer()
    assert answer.chunks[-1][0]["text_end"] == len(delta) + len(" second one is here.")


async def test_interactive_requests_overtake_batch_work(tts: RunningService) -> None:
    async with listening(tts) as batch, listening(tts) as caller:
        done = 'voice_agent_engine_jobs_total{engine="espeak",kind="batch",outcome="done"}'
        before = await metric(tts, done)
        await batch.send(type="synthesize", text=TEXT * 64, streaming=False, priority="batch")
        answer = await caller.speak("Hello there.")
        assert answer.chunks
        assert await metric(tts, done) == before
        whole = await batch.answer()
    assert whole.complete["total_duration_ms"] > 60_000
    assert await metric(tts, done) == before + 1


@pytest.mark.parametrize("chunk_size", [5, 25, 50])
async def test_it_sounds_like_speech_without_clicks_where_chunks_meet(
    tts: RunningService, chunk_size: int
) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT, chunk_size=chunk_size)
    samples = answer.samples
    assert np.isfinite(samples).all()
    assert 0.2 < np.abs(samples).max() < 1.0
    frames = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    loud = np.sqrt((frames**2).mean(axis=1)) > 0.02
    assert 0.4 < loud.mean() < 0.98  # speech has pauses
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / 24_000)
    assert spectrum[(hz > 80) & (hz < 4000)].sum() > 0.8 * spectrum.sum()
    joins = np.cumsum([len(data) // 4 for _, data in answer.chunks])[:-1]
    steps = np.abs(np.diff(samples))
    bends = np.abs(np.diff(samples, n=2))
    assert len(joins) >= 2
    assert steps[joins - 1].max() <= np.quantile(steps, 0.999)
    assert bends[joins - 1].max() <= np.quantile(bends, 0.999)


async def test_first_audio_and_audio_out_are_measured(tts: RunningService) -> None:
    count = "voice_agent_first_audio_seconds_count"
    out = 'voice_agent_audio_out_seconds_total{service="tts"}'
    before = await asyncio.gather(metric(tts, count), metric(tts, out))
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT)
    after = await asyncio.gather(metric(tts, count), metric(tts, out))
    assert after[0] == before[0] + 1
    assert after[1] - before[1] == pytest.approx(answer.total_ms / 1000)
