"""The WebSocket of a call: read by one, written by two, closed once."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import WebSocket
from loguru import logger

# a peer that does not answer a close is not waited for
_CLOSE_WITHIN_S = 0.5
_INTERNAL_ERROR = 1011


class CallSocket:
    """An accepted WebSocket that raises for nothing that the other side does.

    Args:
        websocket: Accepted.
        send_timeout_s: A peer that reads nothing for this long is dropped.
    """

    def __init__(self, websocket: WebSocket, *, send_timeout_s: float) -> None:
        self._websocket = websocket
        self._send_timeout_s = send_timeout_s
        self._heard_at_s = time.monotonic()
        self.closed = False
        """Whether nothing more can be sent."""
        self.close_code: int | None = None
        """What we closed it with; None if the other side did."""

    @property
    def silent_s(self) -> float:
        """Seconds since anything came; Twilio sends audio also of a caller who is silent."""
        return time.monotonic() - self._heard_at_s

    async def messages(self) -> AsyncIterator[str | bytes]:
        """What comes, until either side ends the connection."""
        while not self.closed:
            try:
                received = await self._websocket.receive()
            except RuntimeError:
                break  # it was closed by us in the meantime
            if received["type"] == "websocket.disconnect":
                break
            self._heard_at_s = time.monotonic()
            text: str | None = received.get("text")
            yield (received.get("bytes") or b"") if text is None else text
        self.closed = True

    async def send(self, text: str) -> None:
        """Sends, unless the connection is over; waits while the peer does not read."""
        if self.closed:
            return
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._websocket.send_text(text)
        except TimeoutError:
            logger.info("a telephone stream read nothing for {} s", self._send_timeout_s)
            await self.close(_INTERNAL_ERROR)
        except Exception as error:  # the server's classes for a peer that has gone differ
            logger.debug("a telephone stream is gone: {}", type(error).__name__)
            self.closed = True

    async def close(self, code: int) -> None:
        """Ends the connection, once; does not wait long for the other side."""
        if self.closed:
            return
        self.closed, self.close_code = True, code
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._websocket.close(code)
        except Exception as error:  # it may have gone meanwhile, see `send`
            logger.debug("a telephone stream did not close in order: {}", type(error).__name__)
