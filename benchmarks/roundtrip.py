"""What the ASR service hears of what the TTS service says: twenty sentences.

``make roundtrip`` or ``python -m benchmarks.roundtrip [--voice ID] [-o FILE]``
"""

import argparse
import asyncio
from pathlib import Path

import numpy as np

from benchmarks.accuracy import measure
from benchmarks.machine import machine
from benchmarks.services import service
from benchmarks.speech import Clip
from benchmarks.words import table
from voice_agent.client.tts import TtsClient
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.wire.tts import SynthesisOptions

# ten everyday requests and ten of the Harvard sentences (IEEE 1969), lists 1 and 2
_SENTENCES = (
    "What time is it?",
    "Please call me back tomorrow morning.",
    "I would like to speak to a person.",
    "My order has not arrived yet.",
    "How much does it cost?",
    "Can you help me with my account?",
    "I want to change my appointment.",
    "Thank you very much for your help.",
    "The number is three five nine two.",
    "Please say that again.",
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It is easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
    "The boy was there when the sun rose.",
)


async def speak(url: str, voice_id: str) -> list[Clip]:
    """All sentences, spoken by the service."""
    options = SynthesisOptions(
        voice_id=voice_id, encoding="pcm_s16le", sample_rate=ASR_SAMPLE_RATE_HZ
    )
    spoken: list[Clip] = []
    async with TtsClient.connect(url) as client:
        for number, text in enumerate(_SENTENCES, 1):
            data = b"".join([chunk async for _, chunk in client.speak(text, options)])
            spoken.append(Clip(str(number), np.frombuffer(data, np.int16), text))
    return spoken


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", default="default")
    parser.add_argument("-o", "--output", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    with service("tts") as url:
        spoken = await speak(url, arguments.voice)
    with service("asr") as url:
        heard = await measure(url, spoken)
    report = f"Voice `{arguments.voice}`; {machine()}\n\n{table(heard)}\n"
    print(report)
    if arguments.output:
        arguments.output.write_text(report)


if __name__ == "__main__":
    asyncio.run(main())
