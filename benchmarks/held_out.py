"""Does streaming lose anything? The small Whisper through the service and called directly.

``python -m benchmarks.held_out [--sentences 120]``

The sentences and voices that the model was not trained on, clean and over a telephone line
(8 kHz µ-law), through sessions of the real ASR service, and by `WhisperModel.transcribe`.
"""

import argparse
import asyncio
from collections.abc import Sequence

import numpy as np
from faster_whisper import WhisperModel

from benchmarks.flicker import phone_talk
from benchmarks.machine import machine
from benchmarks.services import service
from benchmarks.speech import Clip
from benchmarks.words import Heard, word_error_rate
from tests.phone_talk import MODEL, TELEPHONE_HZ, over_telephone, telephone
from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.client.asr import AsrClient
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.wire.asr import Final

_AT_ONCE = 3
_AROUND_S = (0.5, 1.0)  # silence before and after a sentence
_SETTINGS = {"ASR__ENGINE": "whisper", "ASR__MODEL": str(MODEL)}


def padded(clip: Clip) -> Samples:
    """The clip with its silence."""
    before, after = (int(seconds * ASR_SAMPLE_RATE_HZ) for seconds in _AROUND_S)
    return np.pad(int16_to_float(clip.samples), (before, after))


def directly(speech: Sequence[Clip], *, by_telephone: bool) -> list[Heard]:
    """One call after another."""
    model = WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=1)
    heard: list[Heard] = []
    for clip in speech:
        samples = over_telephone(padded(clip)) if by_telephone else padded(clip)
        segments, _ = model.transcribe(samples, language="en", beam_size=1)
        heard.append(Heard(clip.name, clip.text, "".join(s.text for s in segments)))
    return heard


async def through_the_service(
    url: str, speech: Sequence[Clip], *, by_telephone: bool
) -> list[Heard]:
    """A session for each clip, as fast as the service takes it."""
    lines = asyncio.Semaphore(_AT_ONCE)

    async def one(clip: Clip) -> Heard:
        async with lines, AsrClient.connect(url) as client:
            if by_telephone:
                await client.configure(sample_rate=TELEPHONE_HZ, encoding="mulaw")
                await client.send(telephone(padded(clip)))
            else:
                await client.configure(sample_rate=ASR_SAMPLE_RATE_HZ, encoding="pcm_s16le")
                await client.send(float_to_int16(padded(clip)).tobytes())
            await client.close()
            finals = [message.text async for message in client if isinstance(message, Final)]
        return Heard(clip.name, clip.text, " ".join(finals))

    return list(await asyncio.gather(*(one(clip) for clip in speech)))


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.held_out")
    parser.add_argument("--sentences", type=int, default=120)
    speech = phone_talk(parser.parse_args().sentences)
    print(f"{machine()}; {len(speech)} sentences\n")
    print("| word error rate | WhisperModel.transcribe | through the service |\n|---|---|---|")
    with service("asr", **_SETTINGS) as url:
        for by_telephone in (False, True):
            direct = word_error_rate(directly(speech, by_telephone=by_telephone))
            served = word_error_rate(
                await through_the_service(url, speech, by_telephone=by_telephone)
            )
            line = "8 kHz µ-law" if by_telephone else "clean"
            print(f"| {line} | {direct:.2%} | {served:.2%} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
