"""Speech of another engine or voice at this engine's rate."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import SpokenChunk


async def at_rate(
    chunks: AsyncGenerator[SpokenChunk], from_hz: int, to_hz: int
) -> AsyncGenerator[SpokenChunk]:
    """The same chunks at another rate; each may be 3 ms later, none is lost.

    Args:
        chunks: Closed with this.
        from_hz: Their rate.
        to_hz: The wished one.
    """
    resampler, last = Resampler(from_hz, to_hz), None
    async with aclosing(chunks):
        async for chunk in chunks:
            samples = resampler.push(chunk.samples)
            last = chunk
            if len(samples):
                yield replace(chunk, samples=samples)
    rest = resampler.drain()
    if last is not None and len(rest):
        yield replace(last, samples=rest)
