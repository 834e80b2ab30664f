"""Keeps next to nothing of an answer outside our hands while a client does not read.

Audio that lies in a write buffer or in the kernel has been made too early and can no
longer be taken back. How much that is counts in bytes, and compressed speech has few of
them: 96 KiB are 1 s of 24 kHz float32 and 24 s of Opus. So a write returns when the kernel
has all of it, and the kernel takes only as much as it can send, and 4 KiB. What a client's
own kernel has received is the client's. How much is on its way, in either direction, is
bounded too: left to itself the kernel grows a buffer to as much as 32 MiB.
"""

import asyncio
import socket
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from voice_agent.client.buffers import bound_buffers

_UNSENT_BYTES = 4 << 10  # 1 s of Opus; more would not make a connection any faster


def bound_kernel(listener: socket.socket) -> None:
    """Lets the kernel hold little of what is said and heard; accepted sockets inherit it."""
    bound_buffers(listener)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


class HttpFlow(H11Protocol):
    """HTTP, and the start of every WebSocket, without a write buffer.

    A client that reads nothing for `send_timeout_s` is dropped, as `ClientSocket` does.
    """

    def __init__(self, *args: Any, send_timeout_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._send_timeout_s = send_timeout_s
        self._giving_up: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """The client reads no more: it has so long to go on."""
        super().pause_writing()
        self._giving_up = self.loop.call_later(self._send_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read everything."""
        super().resume_writing()
        self._wait_no_longer()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        super().connection_lost(exc)
        self._wait_no_longer()

    def _wait_no_longer(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Makes the transport say at once that the kernel did not take all."""
        transport.set_write_buffer_limits(high=0)
        super().connection_made(transport)


class WebSocketFlow(WebSocketsSansIOProtocol):
    """A WebSocket whose `send` waits until the kernel has taken the message.

    A connection that ends without a close frame has the code 1006, as RFC 6455 (7.1.5) says.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells so before uvicorn says 1005, which is also what some clients leave with."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)

    async def run_asgi(self) -> None:
        """Runs the session; a client that still does not read is not waited for after it."""
        await super().run_asgi()
        if not self.writable.is_set():
            self.transport.abort()

    async def send(self, message: ASGISendEvent) -> None:
        """Sends, and waits."""
        await super().send(message)
        await self.writable.wait()
