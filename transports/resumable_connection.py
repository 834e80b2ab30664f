"""A session's way to its client: one socket after another, and nothing lost in between."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from loguru import logger

from transports.replay_buffer import ReplayBuffer
from voice_agent import metrics
from voice_agent.errors import BadMessage, ResumeExpired
from voice_agent.server.socket import ClientSocket


class ResumableConnection:
    """Numbers what goes out, keeps it for a while, and survives the loss of its socket.

    While there is no socket, what goes out is kept until that is too much; then whoever
    sends waits. The session counts the frames of its client, so that the client knows what
    to send again.

    Args:
        socket: The first one.
        service: Name for metrics.
        log: What was sent.
        max_held_s: Audio that may be kept for a client that is away.
        resumable: Whether a loss leaves the session alive.
        on_taken: Called when a client has taken a binary frame.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        socket: ClientSocket,
        *,
        service: str,
        log: ReplayBuffer,
        max_held_s: float,
        resumable: bool,
        on_taken: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._socket: ClientSocket | None = socket
        self._service = service
        self._log = log
        self._max_held_s = max_held_s
        self._resumable = resumable
        self._on_taken = on_taken
        self._clock = clock
        self._greeting = ""
        self._written = 0  # number of the last message that this socket has got
        self._lost_at_s = 0.0
        self._last_code: int | None = None
        self._news = asyncio.Event()
        self._order = asyncio.Lock()
        self._writing = asyncio.Lock()
        self.n_received = 0
        """Frames of the client, text and binary, that the session has taken."""
        self.over = False
        """Whether the session has ended."""
        self.close_code: int | None = None
        """What we ended it with; None if the client left, or did not come back."""

    @property
    def away_s(self) -> float:
        """For how long the client has been away; 0 if it is there."""
        if self.over or self._socket is not None:
            return 0.0
        return self._clock() - self._lost_at_s

    async def send(self, text: str, payload: bytes = b"", audio_s: float = 0.0) -> None:
        """Sends a JSON object and the binary frame that follows it.

        Waits while the client does not read, or is away and enough is kept for it. Both are
        sent or neither, also when the task that sends is cancelled.

        Args:
            text: The object, without its number.
            payload: The binary frame, or nothing.
            audio_s: How much audio that is.
        """
        async with self._order:
            while not self.over and self._socket is None and self._full:
                await self._news.wait()
            if self.over:
                return
            self._log.append(text, payload, audio_s)
        await self.flush()

    async def flush(self) -> None:
        """Writes what is due; returns when the socket has it, or there is none."""
        await asyncio.shield(asyncio.ensure_future(self._flush()))

    async def frames(
        self, on_presence: Callable[[bool], Awaitable[None]]
    ) -> AsyncIterator[str | bytes]:
        """What the client sends, over all sockets, until the session ends.

        Args:
            on_presence: Awaited when the client is away, and when it is there again.
        """
        while not self.over:
            socket = self._socket
            if socket is None:
                await on_presence(False)
                while self._socket is None and not self.over:
                    await self._news.wait()
                await on_presence(True)
                continue
            data = await socket.receive()
            if data is None:
                self._leave(socket)
            elif socket is self._socket:
                self.n_received += 1
                yield data

    def take_over(
        self, socket: ClientSocket, last_seq: int, greeting: Callable[[int], str]
    ) -> None:
        """Goes on over another socket; `flush` has to follow.

        Args:
            socket: The new one. If the old one still lives, it is given up.
            last_seq: Number of the last message that the client has.
            greeting: Makes the text that the client gets first, from `n_received`.

        Raises:
            ResumeExpired: The session is over, or more is missing than was kept.
            BadMessage: There is no such message.
        """
        if last_seq > self._log.last_seq:
            raise BadMessage(f"last_seq: this session has sent {self._log.last_seq} messages")
        if self.over or not self._log.reaches(last_seq):
            raise ResumeExpired("this session cannot be resumed; a new one begins")
        old, self._socket = self._socket, socket
        self._written = last_seq
        self._greeting = greeting(self.n_received)
        if old is not None:
            old.abandon()
        self._tell()

    async def finish(self, code: int) -> None:
        """Ends the session when the client has all that is due to it."""
        self._last_code = code
        await self.flush()

    async def close(self, code: int) -> None:
        """Ends the session now."""
        if self._socket is not None and not self.over:
            self.close_code = code
            await self._socket.close(code)
        self._end()

    @property
    def _full(self) -> bool:
        return self._log.full or self._log.audio_after_s(self._written) >= self._max_held_s

    async def _flush(self) -> None:
        async with self._writing:
            while (socket := self._socket) is not None and await self._write_next(socket):
                pass
            if self._last_code is not None and socket is not None:
                await self.close(self._last_code)

    async def _write_next(self, socket: ClientSocket) -> bool:
        """Writes a message; whether there may be more to write."""
        seq = self._written
        if self._greeting:
            text, self._greeting = self._greeting, ""
            written = await socket.send(text)
        elif not self.over and (sent := self._log.after(seq)) is not None:
            written = await socket.send(sent.text, sent.payload)
            if written and socket is self._socket:
                self._written = sent.seq
                self._log.trim(sent.seq)
                if sent.payload:
                    self._on_taken()
        else:
            return False
        if not written:
            self._leave(socket)
        return True

    def _leave(self, socket: ClientSocket) -> None:
        """The client is gone, if this is still its socket."""
        if socket is not self._socket:
            return
        self._socket = None
        if not (socket.lost and self._resumable):
            self._end()
            return
        logger.info("the connection was lost")
        metrics.sessions_lost_total.labels(self._service).inc()
        self._lost_at_s = self._clock()
        self._tell()

    def _end(self) -> None:
        self.over = True
        self._log.clear()  # the session itself may wait long for the garbage collector
        self._tell()

    def _tell(self) -> None:
        """Wakes whoever waits for anything to change."""
        self._news.set()
        self._news = asyncio.Event()
