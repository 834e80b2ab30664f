"""One request for speech, from its text to its last chunk."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import aclosing
from dataclasses import replace

from voice_agent.engines.base import ClonedVoice, Priority, Speaker, SpeakJob, SpokenChunk
from voice_agent.synthesis.chunks import (
    SPEECH_TOKENS_PER_S,
    ChunkBuilder,
    EncodedChunk,
)
from voice_agent.synthesis.text_normalization.normalized_text import NormalizedText
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.tts import SynthesisOptions

_STEP_S = 0.5  # MP3 at 48 kHz takes 20 ms for a second: others run in between


async def whole(text: NormalizedText) -> AsyncGenerator[NormalizedText]:
    """A text that is all there, as a source for `synthesize`."""
    yield text


async def synthesize(
    speaker: Speaker,
    options: SynthesisOptions,
    source: AsyncIterable[NormalizedText],
    *,
    session_id: str,
    timeout_s: float = 15.0,
    voices: VoiceRegistry | None = None,
) -> AsyncGenerator[EncodedChunk]:
    """Speaks what comes from `source`, in order, as chunks of the wished length.

    Speech is made as fast as the chunks are taken, and a little ahead. Closing the
    generator, or cancelling the task that iterates, stops the speaker.

    Args:
        speaker: A loaded one.
        options: How to speak and how to encode.
        source: `whole` text, or parts as they come; the caller has checked that they can
            be spoken, and closes it. Chunks say where in the original text they are.
        session_id: Who asked.
        timeout_s: For the speaker's first audio of each text.
        voices: Knows the registered voices; None if there can be none. The voice is looked
            up once, and kept to the end.

    Raises:
        VoiceNotFound: The speaker does not have the voice.
        EngineTimeout: The speaker took too long.
        EngineUnavailable: The speaker is closed or broken, or its queue is full.
    """
    rate_hz = speaker.info.sample_rate_hz
    chunk_size = options.chunk_size if options.streaming else None
    builder = ChunkBuilder(options.encoding, rate_hz, options.sample_rate, chunk_size)
    step = int(_STEP_S * rate_hz)
    voice = await voices.resolve(options.voice_id) if voices else None
    async for text in source:
        job = _job(options, text.text, session_id, timeout_s, voice)
        async with aclosing(speaker.speak(job)) as spoken:
            async for piece in spoken:
                for part in _steps(piece, step):
                    for chunk in builder.add(_in_original(part, text)):
                        yield chunk
                    # pieces may be waiting: without this nobody else would run
                    await asyncio.sleep(0)
    for chunk in builder.finish():
        yield chunk


def _steps(piece: SpokenChunk, n_samples: int) -> Iterator[SpokenChunk]:
    """Cuts a long piece into steps; its text is shared out as if it were spoken evenly."""
    n_chars = piece.text_end - piece.text_start
    for at in range(0, len(piece.samples), n_samples):
        until = min(at + n_samples, len(piece.samples))
        yield SpokenChunk(
            samples=piece.samples[at:until],
            text_start=piece.text_start + n_chars * at // len(piece.samples),
            text_end=piece.text_start + n_chars * until // len(piece.samples),
        )


def _in_original(piece: SpokenChunk, text: NormalizedText) -> SpokenChunk:
    return replace(piece, text_start=text.at(piece.text_start), text_end=text.at(piece.text_end))


def _job(
    options: SynthesisOptions,
    text: str,
    session_id: str,
    timeout_s: float,
    voice: ClonedVoice | None,
) -> SpeakJob:
    return SpeakJob(
        session_id=session_id,
        text=text,
        voice_id=options.voice_id,
        chunk_s=options.chunk_size / SPEECH_TOKENS_PER_S,
        emotion=options.emotion,
        speed=options.speed,
        language=options.language,
        seed=options.seed,
        priority=Priority.BATCH if options.priority == "batch" else Priority.INTERACTIVE,
        timeout_s=timeout_s,
        voice=voice,
    )
