"""Notices that nobody is at the other end of a connection any more."""

import asyncio
from dataclasses import dataclass
from typing import cast

from websockets.asyncio.client import ClientConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepalive:
    """When a connection over which nothing comes is taken for lost.

    What counts is the silence while somebody waits for the next message: an answer to a ping
    lies behind everything that a slow reader has not read yet.

    Attributes:
        every_s: After so much silence the other side is asked.
        within_s: So long it may take to answer.
    """

    every_s: float = 2.0
    within_s: float = 4.0


class Silence(Exception):
    """Nobody is there; the connection has been given up."""


class Ear:
    """Reads a connection, and gives it up when the other side is silent and answers no ping.

    Args:
        socket: For one reader, which is this.
        keepalive: Its patience.
    """

    def __init__(self, socket: ClientConnection, keepalive: Keepalive) -> None:
        self._socket = socket
        self._keepalive = keepalive

    async def recv(self) -> str | bytes:
        """The next frame. Nothing is lost when it is cancelled.

        Raises:
            Silence: The other side is gone; the connection has been cut.
            ConnectionClosed: It has ended.
        """
        pong: asyncio.Future[float] | None = None
        while True:
            waits_s = self._keepalive.every_s if pong is None else self._keepalive.within_s
            try:
                async with asyncio.timeout(waits_s):
                    return await self._socket.recv()
            except TimeoutError:
                if pong is None:
                    pong = await self._ask()
                elif pong.done():
                    pong = None
                else:
                    raise self._given_up() from None

    async def _ask(self) -> "asyncio.Future[float]":
        try:
            # a network that hangs does not even take a ping
            async with asyncio.timeout(self._keepalive.within_s):
                return cast("asyncio.Future[float]", await self._socket.ping())
        except TimeoutError:
            raise self._given_up() from None

    def _given_up(self) -> Silence:
        self._socket.transport.abort()
        return Silence()
