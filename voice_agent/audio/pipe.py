"""A one-place pipe from the event loop to a thread that reads like from a file."""

import asyncio
import threading

IDLE_S = 900.0
"""A thread that was given nothing for so long sees the end: its session is gone."""


class Pipe:
    """Room for one piece of bytes between the event loop and the decoding thread.

    The loop's side puts a piece and waits; the thread's side is the file that FFmpeg
    reads, and wakes the loop when it would have to wait, or ends.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._piece = b""
        self._closed = False
        self.finished = False
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    def put(self, data: bytes, *, last: bool = False) -> asyncio.Future[None]:
        """Gives the thread a piece; the future is done when it wants another, or has ended."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._changed:
            self._piece += data
            self._closed = self._closed or last
            self._waiter = (loop, done)
            if self.finished:
                self._wake()
            self._changed.notify()
        return done

    def abort(self) -> asyncio.Future[None]:
        """Takes back what was not read and lets the thread see the end."""
        with self._changed:
            self._piece = b""
        return self.put(b"", last=True)

    def read(self, n_bytes: int) -> bytes:
        """The next bytes, at most so many; empty at the end. Called by FFmpeg."""
        with self._changed:
            while not self._piece and not self._closed:
                self._wake()
                if not self._changed.wait(IDLE_S):
                    self._closed = True
            data, self._piece = self._piece[:n_bytes], self._piece[n_bytes:]
            return data

    def finish(self) -> None:
        """The thread ends: nobody needs to wait for it any more."""
        with self._changed:
            self.finished = True
            self._wake()

    def _wake(self) -> None:
        if self._waiter is None:
            return
        loop, done = self._waiter
        self._waiter = None
        try:
            loop.call_soon_threadsafe(_settle, done)
        except RuntimeError:  # the loop is closed: nobody waits
            return


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
