"""The ASR service of this project, with its defaults."""

import asyncio
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.callers import Microphone
from benchmarks.contenders.base import Server
from benchmarks.services import serving
from benchmarks.settling import Shown
from voice_agent.client.asr import AsrClient
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.errors import EngineUnavailable, VoiceAgentError
from voice_agent.wire.asr import AsrServerMessage, Final, Partial


@dataclass(slots=True)
class Heard:
    """What a session was told, and when (monotonic)."""

    messages: list[tuple[float, AsrServerMessage]] = field(
        default_factory=list[tuple[float, AsrServerMessage]]
    )
    errors: list[str] = field(default_factory=list[str])


async def attend(url: str, microphone: Microphone, heard: Heard) -> None:
    """Speaks one script to the service at `url`, and adds to `heard` as it comes."""
    async with AsrClient.connect(url) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(_collect(client, heard))
        await client.configure(sample_rate=ASR_SAMPLE_RATE_HZ, encoding="pcm_s16le")
        async for frame in microphone.frames():
            await client.send(frame)
        await client.close()


async def _collect(client: AsrClient, heard: Heard) -> None:
    while True:
        try:
            message = await anext(client)
        except StopAsyncIteration:
            return
        except EngineUnavailable:  # the connection is gone, too: nothing comes any more
            raise
        except VoiceAgentError as error:
            heard.errors.append(error.code)
        else:
            heard.messages.append((time.monotonic(), message))


def on_screen(messages: Sequence[tuple[float, AsrServerMessage]]) -> list[Shown]:
    """The same as text on a screen: finals and the settled words of partials are settled."""
    finals: list[str] = []
    steps: list[Shown] = []
    for at_s, message in messages:
        match message:
            case Partial(text=text, committed=settled):
                steps.append(Shown(at_s, " ".join([*finals, text[:settled]]), text[settled:]))
            case Final(text=text):
                finals.append(text)
                steps.append(Shown(at_s, " ".join(finals)))
            case _:
                pass
    return steps


def finals(messages: Sequence[tuple[float, AsrServerMessage]]) -> list[Shown]:
    """Only what finals say: the words of a turn stand when it is over."""
    return on_screen([(at_s, message) for at_s, message in messages if isinstance(message, Final)])


class Ours:
    """`voice-agent serve asr`."""

    name = "this project"

    @contextmanager
    def serving(self, model: Path) -> Generator[Server]:
        """On a free port."""
        with serving("asr", ASR__ENGINE="whisper", ASR__MODEL=str(model)) as (process, port):
            yield Server(process, port)

    async def session(self, port: int, microphone: Microphone, shown: list[Shown]) -> None:
        """One client."""
        heard = Heard()
        try:
            await attend(f"ws://127.0.0.1:{port}/ws", microphone, heard)
        finally:
            shown += on_screen(heard.messages)
