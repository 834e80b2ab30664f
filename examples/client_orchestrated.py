"""Your program is the agent: it calls speech to text, a language model and text to speech.

VOICE_AGENT_LLM__BASE_URL=http://localhost:11434/v1 VOICE_AGENT_LLM__MODEL=llama3.2 \
    python examples/client_orchestrated.py question.wav answer.wav [ASR URL] [TTS URL]
"""

import asyncio
import re
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

from openai import AsyncOpenAI

from voice_agent.client.asr import AsrClient
from voice_agent.client.tts import TtsClient
from voice_agent.settings import load_settings
from voice_agent.wire.asr import Final
from voice_agent.wire.tts import SynthesisOptions

_OPTIONS = SynthesisOptions(encoding="pcm_s16le", sample_rate=24_000)


async def hear(data: bytes, url: str) -> str:
    """What is said in a file of up to half a minute."""
    async with AsrClient.connect(url) as asr:
        await asr.send(data)
        await asr.close()
        return " ".join([m.text async for m in asr if isinstance(m, Final)])


async def think(question: str) -> AsyncIterator[str]:
    """The answer, a sentence at a time, while the model writes the next."""
    llm, text = load_settings().llm, ""
    async with AsyncOpenAI(
        base_url=llm.base_url, api_key=llm.api_key.get_secret_value() or "none"
    ) as model:
        async for event in await model.chat.completions.create(
            model=llm.model, messages=[{"role": "user", "content": question}], stream=True
        ):
            text += event.choices[0].delta.content or ""
            *sentences, text = re.split(r"(?<=[.!?])\s+", text)
            for sentence in sentences:
                yield sentence
        if text.strip():
            yield text


async def main(
    said: bytes, answer: str, asr: str = "localhost:8001", tts: str = "localhost:8002"
) -> None:
    """Answers one question."""
    question = await hear(said, asr)
    print(f"> {question}")
    async with TtsClient.connect(tts) as voice:
        with wave.open(answer, "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", "not compressed"))
            async for sentence in think(question):
                print(sentence)
                async for _, data in voice.speak(sentence, _OPTIONS):
                    file.writeframes(data)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes(), *sys.argv[2:]))
