"""Plays a clip into an ASR session and collects what it says."""

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.speech import Clip
from benchmarks.words import Heard
from voice_agent.client.asr import AsrClient
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.wire.asr import AsrServerMessage, Final

_FRAME_SAMPLES = ASR_SAMPLE_RATE_HZ // 50
_PIECE_SAMPLES = ASR_SAMPLE_RATE_HZ  # of a message where audio is not paced
_LEAD_S = 0.5
# longer than the silence that ends a turn which Smart Turn thinks unfinished
_TAIL_S = 2.0
_NOISE = 8


@dataclass
class Listening:
    """What a session said of one clip."""

    messages: list[AsrServerMessage] = field(default_factory=list[AsrServerMessage])

    @property
    def text(self) -> str:
        """All finals."""
        return " ".join(m.text for m in self.messages if isinstance(m, Final))


async def listen(url: str, samples: NDArray[np.int16]) -> Listening:
    """Plays int16 mono 16 kHz audio at the pace of speech, with silence around it."""
    audio = _surrounded(samples)
    heard = Listening()
    async with AsrClient.connect(url) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(_collect(client, heard))
        await client.configure(sample_rate=ASR_SAMPLE_RATE_HZ, encoding="pcm_s16le")
        started_s = time.monotonic()
        for first in range(0, len(audio), _FRAME_SAMPLES):
            due_s = started_s + first / ASR_SAMPLE_RATE_HZ
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await client.send(audio[first : first + _FRAME_SAMPLES].tobytes())
        await client.close()
    return heard


def _surrounded(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    noise = np.random.default_rng(0)

    def silence(seconds: float) -> NDArray[np.int16]:
        return noise.integers(-_NOISE, _NOISE, int(seconds * ASR_SAMPLE_RATE_HZ), np.int16)

    return np.concatenate([silence(_LEAD_S), samples, silence(_TAIL_S)])


async def _collect(client: AsrClient, heard: Listening) -> None:
    async for message in client:
        heard.messages.append(message)


async def hear_at_once(url: str, clip: Clip, language: str, lines: asyncio.Semaphore) -> Heard:
    """What a session of its own hears of a clip that comes as fast as the service takes it."""
    async with lines:
        messages = await send_all(url, _surrounded(clip.samples), language=language)
    return Heard(clip.name, clip.text, Listening(messages).text, language)


async def send_all(
    url: str, audio: NDArray[np.int16], language: str | None = None
) -> list[AsrServerMessage]:
    """All that a session of its own says of audio that comes as fast as the service takes it."""
    heard = Listening()
    async with AsrClient.connect(url) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(_collect(client, heard))
        await client.configure(
            sample_rate=ASR_SAMPLE_RATE_HZ, encoding="pcm_s16le", language=language
        )
        for first in range(0, len(audio), _PIECE_SAMPLES):
            await client.send(audio[first : first + _PIECE_SAMPLES].tobytes())
        await client.close()
    return heard.messages
