"""Speech to text straight into text to speech: what is said comes back in the other voice.

python examples/direct.py question.wav echo.wav [ws://localhost:8001/ws] [ws://localhost:8002/ws]
"""

import asyncio
import sys
import wave
from pathlib import Path

from voice_agent.client.asr import AsrClient
from voice_agent.client.tts import TtsClient
from voice_agent.wire.asr import Final
from voice_agent.wire.tts import SynthesisOptions

_OPTIONS = SynthesisOptions(encoding="pcm_s16le", sample_rate=24_000)
_FRAME_BYTES = 8192


async def send(asr: AsrClient, data: bytes) -> None:
    """Sends the file and asks for what is due."""
    for at in range(0, len(data), _FRAME_BYTES):
        await asr.send(data[at : at + _FRAME_BYTES])
    await asr.close()


async def main(
    said: bytes, echo: str, asr_url: str = "localhost:8001", tts_url: str = "localhost:8002"
) -> None:
    """Speaks every final as soon as it is there."""
    async with AsrClient.connect(asr_url) as asr, TtsClient.connect(tts_url) as tts:
        with wave.open(echo, "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", "not compressed"))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(send(asr, said))
                async for message in asr:
                    if isinstance(message, Final) and message.text:
                        print(message.text)
                        async for _, data in tts.speak(message.text, _OPTIONS):
                            file.writeframes(data)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes(), *sys.argv[2:]))
