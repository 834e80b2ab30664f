"""A conversation with the agent: from a microphone, or from a file as if it were one."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np

from voice_agent.audio.stream_decoder import decode_file
from voice_agent.cli.audio_output import AudioOutput
from voice_agent.cli.player import Player
from voice_agent.cli.sound import open_stream
from voice_agent.client.agent import AgentClient, Speech
from voice_agent.wire.agent import AnswerEnd, AnswerStart, AnswerText, Clear
from voice_agent.wire.asr import Final, SpeechStart

HEARD_RATE_HZ = 16_000
SPOKEN_RATE_HZ = 24_000
_BLOCK_MS = 40
_HEARD_BLOCK = HEARD_RATE_HZ * _BLOCK_MS // 1000
_SPOKEN_BLOCK = SPOKEN_RATE_HZ * _BLOCK_MS // 1000
_SILENCE = bytes(2 * _HEARD_BLOCK)
_REPORT_EVERY_S = 0.1
# blocks of the microphone that may wait for the connection; the oldest go first
_MICROPHONE_BLOCKS = 50
# a conversation from a file is over when nothing has happened for so long after its end
_QUIET_S = 2.0
_ANSWER_TIMEOUT_S = 60.0


class Conversation:
    """One conversation.

    Args:
        client: Connected.
        say: Told who said what.
    """

    def __init__(self, client: AgentClient, say: Callable[[str, str], None]) -> None:
        self._client = client
        self._say = say
        self._player = Player(SPOKEN_RATE_HZ)
        self._answer = ""
        self._expecting = False  # the caller's words or an answer are under way
        self._last_event_s = 0.0

    async def live(self) -> None:
        """Microphone and loudspeaker, until the agent hangs up or this is cancelled.

        Raises:
            Unsupported: There is no sound card.
        """
        blocks: asyncio.Queue[bytes] = asyncio.Queue(_MICROPHONE_BLOCKS)
        loop = asyncio.get_running_loop()

        def hear(data: Any, *_: object) -> None:
            loop.call_soon_threadsafe(_put, blocks, bytes(data))

        def speak(out: Any, n_samples: int, *_: object) -> None:
            out[:] = self._player.take(n_samples).reshape(-1, 1)

        options = {"callback": speak, "samplerate": SPOKEN_RATE_HZ, "dtype": "float32"}
        loudspeaker = open_stream("OutputStream", **options)
        try:
            options = {"callback": hear, "samplerate": HEARD_RATE_HZ, "dtype": "int16"}
            microphone = open_stream("InputStream", blocksize=_HEARD_BLOCK, **options)
            try:
                await self._run(self._from_microphone(blocks))
            finally:
                microphone.close()
        finally:
            loudspeaker.close()

    async def from_file(self, path: Path, sink: AudioOutput | None) -> None:
        """The caller's words from a file, at the pace of speech; the answers into `sink`.

        Raises:
            BadAudio: The file cannot be read as audio.
        """
        await self._run(self._from_file(path, sink))

    async def _run(self, caller: Any) -> None:
        await self._client.configure(encoding="pcm_s16le", sample_rate=HEARD_RATE_HZ)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen())
            reporting = tasks.create_task(self._report())
            calling = tasks.create_task(caller)
            await asyncio.wait([listening, calling], return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, reporting, calling):
                task.cancel()

    async def _listen(self) -> None:
        async for message in self._client:
            match message:
                case Speech():
                    self._player.add(np.frombuffer(message.data, "<f4"))
                case SpeechStart():
                    self._expecting = True
                case Final():
                    self._expecting = bool(message.text)
                    if message.text:
                        self._say("you", message.text)
                case AnswerStart():
                    self._answer = ""
                    self._player.begin()
                case AnswerText():
                    self._answer += message.delta
                case Clear():
                    self._player.clear()
                case AnswerEnd():
                    self._expecting = False
                    text = message.heard_text if message.interrupted else self._answer
                    self._say("agent", f"{text} …" if message.interrupted else text)
                case _:
                    continue
            self._last_event_s = asyncio.get_running_loop().time()

    async def _report(self) -> None:
        reported_ms = 0.0
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            if (played_ms := self._player.played_ms) != reported_ms:
                reported_ms = played_ms
                await self._client.played(played_ms)

    async def _from_microphone(self, blocks: "asyncio.Queue[bytes]") -> None:
        while True:
            await self._client.send(await blocks.get())

    async def _from_file(self, path: Path, sink: AudioOutput | None) -> None:
        clock = asyncio.get_running_loop().time
        due_s = clock()
        async with aclosing(_blocks(path)) as blocks:
            async for block in blocks:
                due_s = await self._beat(block, sink, due_s)
        end_s = clock()
        while not self._over(clock(), end_s):
            due_s = await self._beat(_SILENCE, sink, due_s)

    async def _beat(self, block: bytes, sink: AudioOutput | None, due_s: float) -> float:
        """Hears and speaks a block, when its time has come; returns the next one's time."""
        await asyncio.sleep(due_s - asyncio.get_running_loop().time())
        await self._client.send(block)
        spoken = self._player.take(_SPOKEN_BLOCK)
        if sink is not None:
            await asyncio.to_thread(sink.write, spoken)
        return due_s + _BLOCK_MS / 1000

    def _over(self, now_s: float, end_s: float) -> bool:
        if now_s - end_s > _ANSWER_TIMEOUT_S:
            return True
        busy = self._expecting or self._player.busy
        return not busy and now_s - max(end_s, self._last_event_s) > _QUIET_S


def _put(blocks: "asyncio.Queue[bytes]", block: bytes) -> None:
    if blocks.full():
        blocks.get_nowait()
    blocks.put_nowait(block)


async def _blocks(path: Path) -> AsyncGenerator[bytes]:
    """The file in whole blocks, the last one filled up with silence."""
    pending = bytearray()
    n_bytes = len(_SILENCE)
    async with aclosing(decode_file(path)) as pieces:
        async for samples in pieces:
            pending += samples.tobytes()
            while len(pending) >= n_bytes:
                yield bytes(pending[:n_bytes])
                del pending[:n_bytes]
    if pending:
        yield bytes(pending).ljust(n_bytes, b"\0")
