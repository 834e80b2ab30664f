"""A file through the ASR service, as fast as it takes it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from voice_agent.audio.stream_decoder import decode_file
from voice_agent.client.asr import AsrClient
from voice_agent.errors import BadAudio, EngineTimeout
from voice_agent.wire.asr import AsrServerMessage, Final
from voice_agent.wire.common import Pong

_RATE_HZ = 16_000
# sent at once: a second of int16
_PIECE_BYTES = 2 * _RATE_HZ
# how far the sender may be ahead of the listener
_AHEAD_S = 20
# a final may take 15 s by default, and it answers every second of audio besides
_SILENT_S = 60

OnProgress = Callable[[float], None]
"""Told how many seconds have been listened to."""


@dataclass(slots=True, kw_only=True)
class Heard:
    """What came of a file.

    Attributes:
        finals: In order.
        duration_s: Of its audio.
        problem: Why there is no more, if the file is damaged.
    """

    finals: list[Final] = field(default_factory=list[Final])
    duration_s: float = 0.0
    problem: str = ""

    @property
    def text(self) -> str:
        """A line for each turn; the parts of one that was cut stand together."""
        lines, open_line = list[str](), False
        for final in self.finals:
            if open_line and lines:
                lines[-1] = f"{lines[-1]} {final.text}".strip()
            else:
                lines.append(final.text)
            open_line = not final.turn_complete
        return "\n".join(line for line in lines if line)


async def hear(path: Path, url: str, on_progress: OnProgress) -> Heard:
    """Plays a file to the ASR service.

    Raises:
        BadAudio: Nothing in the file can be read as audio.
        OSError: It cannot be read.
        VoiceAgentError: The service refused or failed.
    """
    heard = Heard()
    window = asyncio.Semaphore(_AHEAD_S)
    async with AsrClient.connect(url) as client, asyncio.TaskGroup() as tasks:
        await client.configure(encoding="pcm_s16le", sample_rate=_RATE_HZ, partials=False)
        sending = tasks.create_task(_send(path, client, heard, window))
        async for message in _answers(client):
            match message:
                case Final():
                    heard.finals.append(message)
                case Pong(id=int(second)):
                    window.release()
                    on_progress(second)
                case _:
                    pass
        sending.cancel()
    on_progress(heard.duration_s)
    return heard


async def _answers(client: AsrClient) -> AsyncGenerator[AsrServerMessage]:
    """What the service says, until it closes."""
    messages = aiter(client)
    while True:
        try:
            async with asyncio.timeout(_SILENT_S):
                message = await anext(messages)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise EngineTimeout(f"the service said nothing for {_SILENT_S} s") from None
        yield message


async def _send(path: Path, client: AsrClient, heard: Heard, window: asyncio.Semaphore) -> None:
    """Sends a second at a time, each with a ping that comes back when it has been heard."""
    second = 0
    try:
        async with aclosing(_pieces(path, heard)) as pieces:
            async for piece in pieces:
                await window.acquire()
                second += 1
                await client.send(piece)
                await client.ping(second)
    except BadAudio as error:
        if not heard.duration_s:
            raise
        heard.problem = error.message
    if not heard.duration_s:
        raise BadAudio("there is no audio in it")
    await client.close()


async def _pieces(path: Path, heard: Heard) -> AsyncGenerator[bytes]:
    """The file as pieces of a second."""
    pending = bytearray()
    try:
        async with aclosing(decode_file(path)) as decoded:
            async for samples in decoded:
                pending += samples.tobytes()
                heard.duration_s += len(samples) / _RATE_HZ
                while len(pending) >= _PIECE_BYTES:
                    yield bytes(pending[:_PIECE_BYTES])
                    del pending[:_PIECE_BYTES]
    except BadAudio:
        if pending:
            yield bytes(pending)
        raise
    if pending:
        yield bytes(pending)
