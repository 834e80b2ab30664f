"""A network that fails when a test says so: real sockets between a client and a service.

It holds little, whatever the kernel of the machine would: what is lost with a connection is
what the two ends and this have in hand, as it is with a network and not with a loopback.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset, no orderly end
_HELD_BYTES = 8 << 10  # in each of its buffers


class TcpProxy:
    """Carries bytes between clients and one port; made by `proxying`.

    Attributes:
        port: Where clients connect to.
        n_connections: How many have been carried so far.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.n_connections = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._forgotten: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._left_bytes: int | None = None

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def drop(self) -> None:
        """Resets every connection, on both sides."""
        for writer in self._writers:
            connected: socket.socket = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        self._flows.set()

    def drop_after(self, n_bytes: int) -> None:
        """Resets every connection once so many more bytes have gone to clients."""
        self._left_bytes = n_bytes

    def stall(self) -> None:
        """Carries nothing any more, and closes nothing: a cable was pulled out."""
        self._flows.clear()

    def forget(self) -> None:
        """What was stalled stays so to the end, new connections are carried."""
        self._forgotten |= self._tasks
        self._tasks.clear()
        self._writers.clear()
        self._flows = asyncio.Event()
        self._flows.set()

    async def refuse(self) -> None:
        """Takes no connections any more."""
        assert self._server is not None
        self._server.close()

    async def accept(self) -> None:
        """Takes connections again, at the same port."""
        listener = _small(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self._server = await asyncio.start_server(
            self._carry, sock=listener, limit=_HELD_BYTES, backlog=100
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def end(self) -> None:
        """Takes and carries nothing any more, not even what was forgotten."""
        await self.refuse()
        self.drop()
        for task in self._forgotten:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._forgotten, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        far = _small(socket.socket())
        far.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._target))
            far_reader, far_writer = await asyncio.open_connection(sock=far, limit=_HELD_BYTES)
        except OSError:
            far.close()
            writer.transport.abort()
            return
        for end in (writer, far_writer):
            end.transport.set_write_buffer_limits(high=_HELD_BYTES)
        self._writers |= {writer, far_writer}
        flows = self._flows
        up = asyncio.create_task(self._pump(reader, far_writer, flows, down=False))
        down = asyncio.create_task(self._pump(far_reader, writer, flows, down=True))
        self._tasks |= {up, down}
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([up, down])

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        flows: asyncio.Event,
        *,
        down: bool,
    ) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(_HELD_BYTES):
                await flows.wait()
                writer.write(self._cut(data) if down else data)
                await writer.drain()
                if down and self._left_bytes == 0:
                    # what was written is let through before
                    await asyncio.sleep(0.01)
                    self._left_bytes = None
                    self.drop()
                    return
        writer.close()

    def _cut(self, data: bytes) -> bytes:
        if self._left_bytes is None:
            return data
        data = data[: self._left_bytes]
        self._left_bytes -= len(data)
        return data


def _small(connection: socket.socket) -> socket.socket:
    """Keeps the kernel from holding more; what a listener accepts inherits it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _HELD_BYTES)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _HELD_BYTES)
    return connection


@asynccontextmanager
async def proxying(target: int) -> AsyncGenerator[TcpProxy]:
    """A network in front of the service at port `target` of this machine."""
    proxy = TcpProxy(target)
    await proxy.accept()
    try:
        yield proxy
    finally:
        await proxy.end()
