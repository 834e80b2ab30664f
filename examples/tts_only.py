"""Text to speech alone: text in, a WAV file out, in a voice of your choice.

python examples/tts_only.py "Good morning." morning.wav [VOICE] [ws://localhost:8002/ws]
"""

import asyncio
import sys
import wave

from voice_agent.client.tts import TtsClient
from voice_agent.wire.tts import SynthesisOptions

_RATE_HZ = 24_000


async def main(
    text: str, path: str, voice: str = "default", url: str = "ws://localhost:8002/ws"
) -> None:
    """Writes each chunk as soon as it comes, and prints which text is heard in it."""
    options = SynthesisOptions(voice_id=voice, encoding="pcm_s16le", sample_rate=_RATE_HZ)
    async with TtsClient.connect(url) as tts:
        with wave.open(path, "wb") as file:
            file.setparams((1, 2, _RATE_HZ, 0, "NONE", "not compressed"))
            async for chunk, data in tts.speak(text, options):
                file.writeframes(data)
                print(f"{chunk.duration_ms:5.0f} ms  {text[chunk.text_start : chunk.text_end]}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
