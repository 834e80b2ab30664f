"""The agent orchestrates: speech in, its answer out, and where the time went.

python examples/server_orchestrated.py question.wav answer.wav [ws://localhost:8000/ws]
"""

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np

from voice_agent.client.agent import AgentClient, Speech
from voice_agent.wire.agent import AnswerEnd, AnswerText, Latency
from voice_agent.wire.asr import Final


async def ask(agent: AgentClient, question: bytes) -> None:
    """Says a file of up to half a minute; the end of it is the end of the turn."""
    await agent.send(question)
    await agent.finalize()


async def main(question: bytes, answer: str, url: str = "ws://localhost:8000/ws") -> None:
    """Prints the conversation, and writes the answer's audio until it was heard out."""
    asked = False
    async with AgentClient.connect(url) as agent, asyncio.TaskGroup() as tasks:
        tasks.create_task(ask(agent, question))
        with wave.open(answer, "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", "not compressed"))
            async for message in agent:
                match message:
                    case Final():
                        asked = True
                        print(f"> {message.text}")
                    case AnswerText():
                        print(message.delta, end="", flush=True)
                    case Latency():
                        print(" |", ", ".join(f"{s.name} {s.ms:.0f} ms" for s in message.stages))
                    case Speech():
                        samples = np.frombuffer(message.data, np.float32)
                        file.writeframes((samples * 32_767).astype("<i2").tobytes())
                    case AnswerEnd() if asked and not message.interrupted:
                        await agent.close()
                    case _:
                        pass


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes(), *sys.argv[2:]))
