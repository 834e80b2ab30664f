"""Clips of speech to measure with: a folder of recordings, or made on the spot."""

import asyncio
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio.resample import Resampler
from voice_agent.audio.stream_decoder import decode_file
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, SpeakJob
from voice_agent.engines.espeak.speaker import EspeakSpeaker

_SENTENCES = (
    "The birch canoe slid on the smooth planks.",
    "I would like to change my appointment to Thursday morning.",
    "Please tell me how much is left on my account.",
    "My order has not arrived, although it was sent last week.",
    "Yes.",
    "Could you connect me to somebody who speaks German?",
)
# 10 ms of energy under this part of the loudest 10 ms is not speech
_SPEECH_ABOVE = 0.05


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording: int16 mono 16 kHz, what is said in it, and where speech ends."""

    name: str
    samples: NDArray[np.int16]
    text: str

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / ASR_SAMPLE_RATE_HZ

    @property
    def speech_end_s(self) -> float:
        """End of the last 10 ms that are louder than 5 % of the loudest."""
        step = ASR_SAMPLE_RATE_HZ // 100
        blocks = self.samples[: len(self.samples) // step * step].reshape(-1, step)
        level = np.sqrt(np.mean(np.square(blocks.astype(np.float64)), axis=1))
        return float(np.flatnonzero(level > _SPEECH_ABOVE * level.max())[-1] + 1) / 100


async def clips(folder: Path | None) -> list[Clip]:
    """The clips of a folder with ``transcripts.tsv`` (columns file, text), or made ones."""
    if folder is None:
        return await _made()
    with (folder / "transcripts.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    found: list[Clip] = []
    for row in rows:
        pieces = [samples async for samples in decode_file(folder / row["file"])]
        found.append(Clip(row["file"], np.concatenate(pieces), row["text"]))
    return found


async def _made() -> list[Clip]:
    speaker = EspeakSpeaker()
    await speaker.load()
    try:
        return list(await asyncio.gather(*(_make(speaker, text) for text in _SENTENCES)))
    finally:
        await speaker.close()


async def _make(speaker: EspeakSpeaker, text: str) -> Clip:
    job = SpeakJob(session_id=text, text=text)
    spoken = np.concatenate([chunk.samples async for chunk in speaker.speak(job)])
    resampler = Resampler(speaker.info.sample_rate_hz, ASR_SAMPLE_RATE_HZ)
    samples = np.concatenate([resampler.push(spoken), resampler.drain()])
    return Clip(text, (samples * 32_767).astype(np.int16), text)
