"""Client of the agent."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from voice_agent.client.connection import open_connection
from voice_agent.client.hearing import HearingClient
from voice_agent.errors import BadMessage
from voice_agent.wire.agent import (
    AgentServerMessage,
    Interrupt,
    Playback,
    TypedText,
    agent_server_message,
)
from voice_agent.wire.tts import AudioChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A piece of an answer: float32 mono, at 24 kHz."""

    chunk: AudioChunk
    data: bytes


class AgentClient(HearingClient[AgentServerMessage]):
    """One conversation: the caller's audio goes in, iterating gives messages and `Speech`.

    An `error` message is raised by the iteration; the next step may go on after it. The
    iteration ends when the agent has closed in order.
    """

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, timeout_s: float = 10.0) -> AsyncGenerator["AgentClient"]:
        """Opens a session. Raises as `open_connection`."""
        async with open_connection(
            url, "agent", agent_server_message, timeout_s=timeout_s
        ) as connection:
            yield cls(connection)

    async def type(self, text: str) -> None:
        """Sends a line that the caller typed."""
        await self._connection.send(TypedText(type="text", text=text))

    async def interrupt(self) -> None:
        """Stops the answer."""
        await self._connection.send(Interrupt(type="interrupt"))

    async def played(self, played_ms: float) -> None:
        """Tells how much of the current answer has been heard."""
        await self._connection.send(Playback(type="playback", played_ms=played_ms))

    def __aiter__(self) -> "AgentClient":
        return self

    async def __anext__(self) -> AgentServerMessage | Speech:
        message = await self._connection.receive()
        while isinstance(message, bytes):
            message = await self._connection.receive()
        if message is None:
            raise StopAsyncIteration
        if not isinstance(message, AudioChunk):
            return message
        data = await self._connection.receive()
        if not isinstance(data, bytes):
            raise BadMessage("the agent announced audio and sent something else")
        return Speech(chunk=message, data=data)
