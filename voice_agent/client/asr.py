"""Client of the ASR service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from voice_agent.client.connection import open_connection
from voice_agent.client.hearing import HearingClient
from voice_agent.wire.asr import (
    AsrServerMessage,
    asr_server_message,
)
from voice_agent.wire.common import Ping


class AsrClient(HearingClient[AsrServerMessage]):
    """One session: audio goes in, and iterating gives what the service says of it.

    Read while you send: a service that cannot get rid of its messages stops listening.
    An `error` message is raised by the iteration; the next step may go on after it. The
    iteration ends when the service has closed in order, after `close`.
    """

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, timeout_s: float = 10.0) -> AsyncGenerator["AsrClient"]:
        """Opens a session. Raises as `open_connection`."""
        async with open_connection(
            url, "asr", asr_server_message, timeout_s=timeout_s
        ) as connection:
            yield cls(connection)

    async def ping(self, ping_id: int) -> None:
        """Asks for a `pong`; it comes when all audio before it has been listened to."""
        await self._connection.send(Ping(type="ping", id=ping_id))

    def __aiter__(self) -> "AsrClient":
        return self

    async def __anext__(self) -> AsrServerMessage:
        while True:
            message = await self._connection.receive()
            if message is None:
                raise StopAsyncIteration
            if not isinstance(message, bytes):
                return message
