"""Ten callers: the voice of the TTS service at their paces and levels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.speech import Clip
from benchmarks.voice_to_voice.questions import Question, questions
from voice_agent.client.tts import TtsClient
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.wire.tts import SynthesisOptions

_PACES = (1.0, 0.9, 1.1, 0.95, 1.05, 1.15, 0.85, 1.0, 1.1, 0.9)
_LEVELS_DB = (0.0, -6.0, -3.0, -9.0, 2.0, -12.0, 0.0, -4.0, -8.0, -2.0)
N_CALLERS = len(_PACES)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A question with its sound."""

    question: Question
    clip: Clip


async def caller(url: str, number: int) -> Sequence[Spoken]:
    """The questions of one caller, spoken by the TTS service at `url`."""
    asks = questions(number)
    said = await speak(url, number, [question.text for question in asks])
    return [Spoken(question, clip) for question, clip in zip(asks, said, strict=True)]


async def speak(url: str, number: int, texts: Sequence[str]) -> list[Clip]:
    """What one caller says, spoken by the TTS service at `url`."""
    options = SynthesisOptions(
        encoding="pcm_s16le",
        sample_rate=ASR_SAMPLE_RATE_HZ,
        speed=_PACES[number % N_CALLERS],
        seed=number,
    )
    gain = 10 ** (_LEVELS_DB[number % N_CALLERS] / 20)
    found: list[Clip] = []
    async with TtsClient.connect(url) as client:
        for text in texts:
            data = b"".join([chunk async for _, chunk in client.speak(text, options)])
            sound = np.frombuffer(data, np.int16).astype(np.float32) * gain
            samples = np.clip(sound, -32768, 32767).astype(np.int16)
            found.append(Clip(text, samples, text))
    return found
