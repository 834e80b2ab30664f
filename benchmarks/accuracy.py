"""Word error rate of the ASR service over a folder of recordings.

``make accuracy SPEECH=DIR`` or ``python -m benchmarks.accuracy DIR [--url ws://…] [-o FILE]``

The folder holds audio files and ``transcripts.tsv`` with the columns `file` and `text`.
Each clip is played into a session of its own at the pace of speech.
"""

import argparse
import asyncio
from contextlib import nullcontext
from pathlib import Path

from benchmarks.listening import listen
from benchmarks.machine import machine
from benchmarks.services import service
from benchmarks.speech import Clip, clips
from benchmarks.words import Heard, table

# clips played at once: what one core hears in real time
_AT_ONCE = 2


async def measure(url: str, speech: list[Clip]) -> list[Heard]:
    """Plays all clips."""
    lines = asyncio.Semaphore(_AT_ONCE)

    async def one(clip: Clip) -> Heard:
        async with lines:
            heard = await listen(url, clip.samples)
        return Heard(clip.name, clip.text, heard.text)

    return list(await asyncio.gather(*(one(clip) for clip in speech)))


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", help="a running ASR service; by default one is started")
    parser.add_argument("-o", "--output", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    speech = await clips(arguments.folder)
    with nullcontext(arguments.url) if arguments.url else service("asr") as url:
        report = f"{machine()}\n\n{table(await measure(url, speech))}\n"
    print(report)
    if arguments.output:
        arguments.output.write_text(report)


if __name__ == "__main__":
    asyncio.run(main())
