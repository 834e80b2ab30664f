"""Silence on a real socket."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from tests.tcp_proxy import TcpProxy, proxying
from voice_agent.client.keepalive import Ear, Keepalive, Silence

_QUICK = Keepalive(every_s=0.05, within_s=0.3)


@asynccontextmanager
async def listening() -> AsyncGenerator[tuple[ClientConnection, TcpProxy]]:
    """A connection to a server that repeats what it hears, and the network between them."""

    async def repeat(socket: ServerConnection) -> None:
        async for data in socket:
            await socket.send(data)

    async with (
        serve(repeat, "127.0.0.1", 0) as server,
        proxying(server.sockets[0].getsockname()[1]) as network,
        connect(network.ws, ping_interval=None, close_timeout=0.1) as socket,
    ):
        yield socket, network


async def test_who_says_nothing_and_answers_pings_is_there() -> None:
    async with listening() as (socket, _):
        hearing = asyncio.create_task(Ear(socket, _QUICK).recv())
        await asyncio.sleep(1.0)
        assert not hearing.done()
        await socket.send("after all")
        assert await hearing == "after all"


async def test_who_answers_nothing_is_given_up() -> None:
    async with listening() as (socket, network):
        network.stall()
        async with asyncio.timeout(10):
            with pytest.raises(Silence):
                await Ear(socket, _QUICK).recv()
            await socket.wait_closed()


async def test_who_reads_late_is_not_taken_for_gone() -> None:
    async with listening() as (socket, _):
        ear = Ear(socket, _QUICK)
        for number in range(40):  # more than the library takes before it stops reading
            await socket.send(str(number))
        for number in range(40):
            assert await ear.recv() == str(number)
            if number % 10 == 0:
                await asyncio.sleep(0.5)
