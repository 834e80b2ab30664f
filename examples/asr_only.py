"""Speech to text alone: an audio file in, partials and finals out.

python examples/asr_only.py question.wav [ws://localhost:8001/ws]
"""

import asyncio
import sys
from pathlib import Path

from voice_agent.client.asr import AsrClient
from voice_agent.wire.asr import Final, Partial

_FRAME_BYTES = 8192


async def send(asr: AsrClient, data: bytes) -> None:
    """Sends the file as it is: WAV, MP3, Ogg, WebM or FLAC; then asks for what is due."""
    for at in range(0, len(data), _FRAME_BYTES):
        await asr.send(data[at : at + _FRAME_BYTES])
    await asr.close()


async def main(data: bytes, url: str = "ws://localhost:8001/ws") -> None:
    """Prints a line for each partial and final."""
    async with AsrClient.connect(url) as asr, asyncio.TaskGroup() as tasks:
        # beside the reading: a service that cannot get rid of its messages stops listening
        tasks.create_task(send(asr, data))
        async for message in asr:
            match message:
                case Partial():
                    print(f"         … {message.text[: message.committed]}|", end="")
                    print(message.text[message.committed :])
                case Final():
                    print(f"{message.start:6.2f} s  {message.text}")
                case _:
                    pass


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes(), *sys.argv[2:]))
