"""Requests spoken by the real espeak engine, as chunks."""

import io
import itertools
from collections.abc import AsyncIterator

import numpy as np
import pytest
import soundfile as sf

from voice_agent.engines.base import Samples, SpeakJob, SpokenChunk
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.errors import VoiceNotFound
from voice_agent.synthesis.chunks import ChunkBuilder, EncodedChunk
from voice_agent.synthesis.stream import synthesize, whole
from voice_agent.synthesis.text import TextAssembler
from voice_agent.synthesis.text_normalization.normaliser import speakable
from voice_agent.synthesis.text_normalization.normalized_text import NormalizedText, verbatim
from voice_agent.wire.tts import AudioEncoding, SynthesisOptions

TEXT = "Hello 😀 there, how are you? It goes on here; yes! And this is the end of it."
ENCODINGS: tuple[AudioEncoding, ...] = ("pcm_f32le", "pcm_s16le", "mulaw", "wav", "mp3", "opus")


@pytest.fixture
async def speaker() -> AsyncIterator[EspeakSpeaker]:
    engine = EspeakSpeaker()
    await engine.load()
    yield engine
    await engine.close()


async def chunks_of(
    speaker: EspeakSpeaker, options: SynthesisOptions, text: str = TEXT
) -> list[EncodedChunk]:
    stream = synthesize(speaker, options, whole(verbatim(text)), session_id="caller")
    return [chunk async for chunk in stream]


async def plain(speaker: EspeakSpeaker, text: str = TEXT) -> Samples:
    job = SpeakJob(session_id="caller", text=text)
    return np.concatenate([chunk.samples async for chunk in speaker.speak(job)])


def total_ms(chunks: list[EncodedChunk]) -> float:
    return sum(chunk.duration_ms for chunk in chunks)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
async def test_chunks_are_numbered_not_empty_and_as_long_as_the_speech(
    speaker: EspeakSpeaker, encoding: AudioEncoding, sample_rate: int
) -> None:
    options = SynthesisOptions(encoding=encoding, sample_rate=sample_rate)
    chunks = await chunks_of(speaker, options)
    assert [chunk.chunk_id for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.data for chunk in chunks)
    assert all(chunk.duration_ms > 0 for chunk in chunks)
    spoken_ms = 1000 * len(await plain(speaker)) / 22_050
    assert total_ms(chunks) == pytest.approx(spoken_ms, abs=1000 / 8_000)


async def test_raw_samples_at_the_engines_rate_are_what_the_engine_said(
    speaker: EspeakSpeaker,
) -> None:
    chunks = await chunks_of(speaker, SynthesisOptions(sample_rate=22_050))
    data = b"".join(chunk.data for chunk in chunks)
    assert np.array_equal(np.frombuffer(data, "<f4"), await plain(speaker))
    for chunk in chunks:
        assert chunk.duration_ms == 1000 * len(chunk.data) / 4 / 22_050


@pytest.mark.parametrize(("chunk_size", "first_ms"), [(50, 500), (25, 250), (5, 200), (250, 2500)])
async def test_chunks_have_the_wished_length_and_the_first_is_shorter(
    speaker: EspeakSpeaker, chunk_size: int, first_ms: int
) -> None:
    options = SynthesisOptions(chunk_size=chunk_size, sample_rate=22_050)
    first, *middle, _last = await chunks_of(speaker, options)
    assert first.duration_ms == pytest.approx(first_ms, abs=0.1)
    for chunk in middle:
        assert chunk.duration_ms == pytest.approx(chunk_size * 40, abs=0.1)


async def test_text_positions_go_forward_and_meet(speaker: EspeakSpeaker) -> None:
    chunks = await chunks_of(speaker, SynthesisOptions(chunk_size=10))
    assert chunks[0].text_start == 0
    assert chunks[-1].text_end == len(TEXT)
    for before, after in itertools.pairwise(chunks):
        assert before.text_start <= after.text_start
        assert before.text_end <= after.text_end
        # nothing is left out but white space between words
        assert not TEXT[before.text_end : after.text_start].strip()


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_without_streaming_there_is_one_chunk(
    speaker: EspeakSpeaker, encoding: AudioEncoding
) -> None:
    options = SynthesisOptions(encoding=encoding, streaming=False)
    (chunk,) = await chunks_of(speaker, options)
    assert (chunk.text_start, chunk.text_end) == (0, len(TEXT))
    if encoding == "wav":
        info = sf.info(io.BytesIO(chunk.data))
        assert 1000 * info.frames / 24_000 == pytest.approx(chunk.duration_ms)
        assert int.from_bytes(chunk.data[40:44], "little") == len(chunk.data) - 44


async def test_text_as_it_is_written_sounds_like_its_clauses(speaker: EspeakSpeaker) -> None:
    async def written() -> AsyncIterator[NormalizedText]:
        assembler = TextAssembler(5000)
        for letter in TEXT:
            for part in assembler.feed(letter):
                yield part
        for part in assembler.flush():
            yield part

    stream = synthesize(
        speaker, SynthesisOptions(sample_rate=22_050), written(), session_id="caller"
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].text_end == len(TEXT)
    assert all(a.text_start <= b.text_start for a, b in itertools.pairwise(chunks))
    parts = [await plain(speaker, c.text) async for c in written()]
    data = b"".join(chunk.data for chunk in chunks)
    assert np.array_equal(np.frombuffer(data, "<f4"), np.concatenate(parts))


async def test_closing_the_stream_stops_the_speaker(speaker: EspeakSpeaker) -> None:
    stream = synthesize(
        speaker, SynthesisOptions(), whole(verbatim("It goes on. " * 400)), session_id="caller"
    )
    await anext(stream)
    await stream.aclose()
    assert speaker._owner.speeches() == []


async def test_chunks_of_rewritten_text_point_into_what_was_written(
    speaker: EspeakSpeaker,
) -> None:
    text = "It costs $5.30, **really**. Call 555-123-4567 by 5:30 pm, see [this](http://x.com)."
    source = whole(speakable(text))
    stream = synthesize(speaker, SynthesisOptions(chunk_size=5), source, session_id="caller")
    chunks = [chunk async for chunk in stream]
    assert (chunks[0].text_start, chunks[-1].text_end) == (0, len(text))
    for before, after in itertools.pairwise(chunks):
        assert before.text_start <= after.text_start
        assert before.text_end <= after.text_end
    # the number takes long: it is heard bit by bit
    call = text.index("555")
    assert len([c for c in chunks if call < c.text_end < call + 12]) >= 3


async def test_an_unknown_voice_is_an_error_at_the_first_step(speaker: EspeakSpeaker) -> None:
    with pytest.raises(VoiceNotFound):
        await chunks_of(speaker, SynthesisOptions(voice_id="nobody"))


def test_the_encoders_tail_is_in_the_last_chunk() -> None:
    """Audio that ends where a chunk is full makes no extra chunk of a few samples."""
    builder = ChunkBuilder("pcm_f32le", 22_050, 8_000, chunk_size=25)
    piece = SpokenChunk(samples=np.ones(22_050 // 4, np.float32), text_start=0, text_end=4)
    chunks = [chunk for _ in range(5) for chunk in builder.add(piece)]
    chunks += builder.finish()
    assert len(chunks) == 2
    assert sum(len(chunk.data) for chunk in chunks) / 4 == pytest.approx(10_000, abs=2)


def test_what_an_encoder_holds_back_comes_with_the_next_chunk() -> None:
    builder = ChunkBuilder("mp3", 8_000, 8_000, chunk_size=5)
    piece = SpokenChunk(samples=np.zeros(8_000, np.float32), text_start=0, text_end=4)
    chunks = [*builder.add(piece), *builder.finish()]
    assert all(chunk.data for chunk in chunks)
    assert sum(chunk.duration_ms for chunk in chunks) == 1000


def test_no_speech_is_no_chunk() -> None:
    for encoding in ENCODINGS:
        assert list(ChunkBuilder(encoding, 22_050, 24_000, chunk_size=None).finish()) == []
