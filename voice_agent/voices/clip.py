"""A reference clip as a client sends it: read within bounds, kept as WAV."""

import asyncio
import io
import wave
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio import pcm
from voice_agent.audio.stream_decoder import StreamDecoder
from voice_agent.engines.base import Samples
from voice_agent.errors import BadAudio, TooLarge

MAX_CLIP_BYTES = 10 << 20
"""Of the file. A minute of 16-bit stereo at 48 kHz needs 11 MiB as WAV, 6 as FLAC."""

MAX_CLIP_S = 60.0
"""No model looks at more than the first 15 s."""

_TIMEOUT_S = 30.0  # the slowest that is allowed takes 2 s on one core
_PADDING_S = 0.1  # encoders add a few hundredths of a second to what they were given


async def read_clip(data: bytes, to_hz: int) -> Samples:
    """Decodes a clip; other tasks run in between.

    What becomes longer than `MAX_CLIP_S` is left at once: an hour of silence in a small
    file costs no more time and memory than a minute.

    Args:
        data: A whole file in a container that `StreamDecoder` knows.
        to_hz: Rate of what comes out, mono.

    Raises:
        BadAudio: It is damaged, cut, or no audio at all.
        UnsupportedFormat: It is another kind of audio file.
        TooLarge: It has more than `MAX_CLIP_BYTES`, or lasts longer than `MAX_CLIP_S`.
    """
    if len(data) > MAX_CLIP_BYTES:
        raise TooLarge(f"a clip may have {MAX_CLIP_BYTES} bytes, this one has {len(data)}")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return pcm.int16_to_float(await _decoded(data, to_hz))
    except TimeoutError:
        raise BadAudio(f"decoding the clip took longer than {_TIMEOUT_S:g} s") from None


async def _decoded(data: bytes, to_hz: int) -> NDArray[np.int16]:
    limit_s = MAX_CLIP_S + _PADDING_S
    pieces: list[NDArray[np.int16]] = [pcm.silence(0)]
    n_samples = 0
    reader = StreamDecoder(max_expansion_s=limit_s, to_hz=to_hz)
    try:
        await reader.configure(encoding="container")
        for part in (reader.stream(data), reader.finish()):
            async with aclosing(part):
                async for piece in part:
                    n_samples += len(piece)
                    if n_samples > limit_s * to_hz:
                        raise TooLarge(_TOO_LONG)
                    pieces.append(piece)
    except TooLarge:
        raise TooLarge(_TOO_LONG) from None
    finally:
        await reader.close()
    if not n_samples:
        raise BadAudio("there is no sound in the clip")
    return np.concatenate(pieces)


_TOO_LONG = f"a clip may last {MAX_CLIP_S:g} s, this one is longer: send a part of it"


def to_wav(samples: Samples, sample_rate_hz: int) -> bytes:
    """A clip as a file, 16 bits a sample."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sample_rate_hz)
        writer.writeframes(pcm.float_to_int16(samples).astype("<i2").tobytes())
    return file.getvalue()


def from_wav(data: bytes) -> tuple[Samples, int]:
    """What `to_wav` was given, and its rate.

    Raises:
        BadAudio: It is no such file, or not all of it.
    """
    try:
        with wave.open(io.BytesIO(data), "rb") as reader:
            shape = (reader.getnchannels(), reader.getsampwidth())
            n_samples, rate_hz = reader.getnframes(), reader.getframerate()
            frames = reader.readframes(n_samples)
    except (wave.Error, EOFError) as error:
        raise BadAudio("the reference clip of the voice is damaged") from error
    if shape != (1, 2) or not n_samples or len(frames) != 2 * n_samples:
        raise BadAudio("the reference clip of the voice is damaged")
    return pcm.int16_to_float(np.frombuffer(frames, "<i2").astype(np.int16)), rate_hz
