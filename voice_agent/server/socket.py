"""One WebSocket of a session; the session may outlive it."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from fastapi import WebSocket
from loguru import logger

NORMAL_CLOSURE = 1000
# a peer that does not answer a close is not waited for
_CLOSE_WITHIN_S = 0.5
# after a write failed, how it ended is known at once; this is only a bound
_KNOWN_WITHIN_S = 1.0
# Without a close frame (1006), by somebody whose pings were not answered (1011), or by a page
# that takes the connection for dead: browsers may close with 4000 and not with 1011. All else
# was meant: leaving (1000, 1001, and 1005, which is no code), or breaking the protocol.
_LOST_CODES = frozenset({1006, 1011, 4000})


class ClientSocket:
    """An accepted WebSocket that raises for nothing that the other side does.

    Args:
        websocket: Accepted; nobody else reads or writes it from now on.
        send_timeout_s: A client that reads nothing for this long is taken for lost.
    """

    def __init__(self, websocket: WebSocket, *, send_timeout_s: float) -> None:
        self._websocket = websocket
        self._send_timeout_s = send_timeout_s
        self._reading: asyncio.Task[Any] | None = None
        self._woken = False
        self._writing: asyncio.Timeout | None = None
        self._closing = False
        self._abandoned = False
        self._finding_out = False
        self._ended = asyncio.Event()
        self.lost = False
        """Whether it ended, and neither side wanted that."""

    @property
    def over(self) -> bool:
        """Whether it ended."""
        return self._ended.is_set()

    async def ended(self) -> None:
        """Waits until it is over. Whoever serves it may return after that."""
        await self._ended.wait()
        if self._abandoned:
            with contextlib.suppress(Exception):  # the server's classes for that differ
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await self._websocket.close(NORMAL_CLOSURE)

    async def receive(self) -> str | bytes | None:
        """The next frame; None once it is over. For one reader."""
        if self._finding_out:
            await self._ended.wait()
        if self.over:
            return None
        # what `asyncio.timeout` does, which would cost more than all else here
        self._reading = task = asyncio.current_task()
        try:
            message = await self._websocket.receive()
        except asyncio.CancelledError:
            if task is None or not self._woken or task.uncancel() > 0:
                raise
            return None
        except RuntimeError:  # its end has been read
            self._end(lost=False)
            return None
        finally:
            self._reading = None
        if self.over:
            return None
        if self._ends(message):
            return None
        text: str | None = message.get("text")
        return (message.get("bytes") or b"") if text is None else text

    async def send(self, text: str, payload: bytes = b"") -> bool:
        """Writes a message and its binary frame; waits while the client does not read.

        For one writer.

        Returns:
            Whether it was written; if not, the socket is over.
        """
        if self.over or self._closing:
            return False
        try:
            async with asyncio.timeout(self._send_timeout_s) as self._writing:
                await self._websocket.send_text(text)
                if payload:
                    await self._websocket.send_bytes(payload)
        except TimeoutError:
            if not self._abandoned:
                logger.info("a client read nothing for {} s", self._send_timeout_s)
            self._end(lost=True)
        except Exception as error:  # the server's classes for a client that has gone differ
            logger.debug("a client is gone: {}", type(error).__name__)
            await self._find_out()
        finally:
            self._writing = None
        return not self.over

    async def close(self, code: int) -> None:
        """Ends the connection, once; does not wait long for the other side."""
        if self.over or self._closing:
            return
        self._closing = True
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._websocket.close(code)
        except Exception as error:
            logger.debug("a socket did not close in order: {!r}", error)
        self._end(lost=False)

    def abandon(self) -> None:
        """Gives it up for another one: whoever reads or writes it returns at once."""
        if self.over:
            return
        self._abandoned = True
        self._end(lost=False)
        if self._reading is not None:
            self._woken = True
            self._reading.cancel()
        if self._writing is not None:
            self._writing.reschedule(asyncio.get_running_loop().time())

    async def _find_out(self) -> None:
        """Reads how it ended; frames that came before that are not taken."""
        try:
            async with asyncio.timeout(_KNOWN_WITHIN_S):
                if self._reading is not None:
                    await self._ended.wait()
                self._finding_out = True
                while not self.over:
                    self._ends(await self._websocket.receive())
        except (TimeoutError, RuntimeError):
            self._end(lost=True)

    def _ends(self, message: Mapping[str, Any]) -> bool:
        if message["type"] != "websocket.disconnect":
            return False
        self._end(lost=not self._closing and message.get("code", 1006) in _LOST_CODES)
        return True

    def _end(self, *, lost: bool) -> None:
        if not self.over:
            self.lost = lost
            self._ended.set()
