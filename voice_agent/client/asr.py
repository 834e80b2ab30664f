"""Client of the ASR service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from voice_agent.client.connection import Connection, made, open_connection
from voice_agent.wire.asr import (
    AsrServerMessage,
    Close,
    Config,
    Finalize,
    asr_server_message,
)
from voice_agent.wire.common import Ping, Ready


class AsrClient:
    """One session: audio goes in, and iterating gives what the service says of it.

    Read while you send: a service that cannot get rid of its messages stops listening.
    An `error` message is raised by the iteration; the next step may go on after it. The
    iteration ends when the service has closed in order, after `close`.
    """

    def __init__(self, connection: Connection[AsrServerMessage]) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, timeout_s: float = 10.0) -> AsyncGenerator["AsrClient"]:
        """Opens a session. Raises as `open_connection`."""
        async with open_connection(
            url, "asr", asr_server_message, timeout_s=timeout_s
        ) as connection:
            yield cls(connection)

    @property
    def ready(self) -> Ready:
        """How the service introduced itself."""
        return self._connection.ready

    async def send(self, audio: bytes) -> None:
        """Sends audio; waits while the service is busy with what it has."""
        await self._connection.send(audio)

    async def configure(self, **values: Any) -> None:
        """Changes values from the next sample on; `configured` tells which are in force.

        Args:
            values: Fields of `voice_agent.wire.asr.Config`.

        Raises:
            BadMessage: A value that the wire does not allow; nothing was sent.
        """
        await self._connection.send(made(Config, {"type": "config", **values}))

    async def finalize(self) -> None:
        """Ends the turn now."""
        await self._connection.send(Finalize(type="finalize"))

    async def ping(self, ping_id: int) -> None:
        """Asks for a `pong`; it comes when all audio before it has been listened to."""
        await self._connection.send(Ping(type="ping", id=ping_id))

    async def close(self) -> None:
        """Asks for what is due; the iteration ends after it."""
        await self._connection.send(Close(type="close"))

    def __aiter__(self) -> "AsrClient":
        return self

    async def __anext__(self) -> AsrServerMessage:
        while True:
            message = await self._connection.receive()
            if message is None:
                raise StopAsyncIteration
            if not isinstance(message, bytes):
                return message
