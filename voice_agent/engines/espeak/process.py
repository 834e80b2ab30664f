"""The engine's end of the worker process: starting, frames, and a sure end."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable

from voice_agent.engines.espeak.protocol import (
    HEADER,
    Frame,
    Kind,
    ProtocolError,
    body_bytes,
    pack,
)

_START_TIMEOUT_S = 10.0  # 60 ms here; a loaded machine may need long to read 20 MB
_END_TIMEOUT_S = 1.0
_KEPT_STDERR_LINES = 5
_STDERR_LINE_BYTES = 4096
_READ_BYTES = 1 << 16


class WorkerGone(Exception):
    """The worker process ended, or does not answer, or talks nonsense."""


class WorkerProcess:
    """A running worker.

    Args:
        process: The process, with pipes for all three streams.
        on_exit: Called once when the process has ended, by itself or not.
    """

    def __init__(self, process: Process, on_exit: Callable[[], None]) -> None:
        self._process = process
        self._on_exit = on_exit
        self._last_words: deque[str] = deque(maxlen=_KEPT_STDERR_LINES)
        self._watch = asyncio.create_task(self._drain_and_wait(), name="espeak worker watch")
        self.hello = b""

    @classmethod
    async def start(cls, on_exit: Callable[[], None]) -> "WorkerProcess":
        """Starts a worker and waits until it has loaded espeak-ng.

        Raises:
            WorkerGone: It did not get that far; the message holds its last words.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "voice_agent.engines.espeak.worker",
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                # a Ctrl-C in the terminal is ours to handle; our end is its end
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerGone(f"a process cannot be started: {error}") from error
        worker = cls(process, on_exit)
        try:
            frame = await worker.receive(_START_TIMEOUT_S)
            if frame.kind != Kind.HELLO:
                raise WorkerGone(f"it began with a frame of kind {frame.kind}")
        except BaseException:
            await worker.end(at_once=True)
            raise
        worker.hello = frame.body
        return worker

    @property
    def pid(self) -> int:
        """Of the worker."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as is known."""
        return self._process.returncode is None

    def send(self, kind: Kind, job: int, body: bytes = b"") -> None:
        """Sends a frame; to a worker that is gone, nothing happens.

        At most one clause and its cancel are under way, so the pipe's buffer is bounded.
        """
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(pack(kind, job, body))

    async def receive(self, timeout_s: float) -> Frame:
        """The next frame.

        Raises:
            WorkerGone: None came in time, or none can come any more.
        """
        stdout = self._process.stdout
        if stdout is None:
            raise WorkerGone("it has no stdout")
        try:
            async with asyncio.timeout(timeout_s):
                length, kind, job = HEADER.unpack(await stdout.readexactly(HEADER.size))
                return Frame(kind, job, await stdout.readexactly(body_bytes(length)))
        except TimeoutError as error:
            raise WorkerGone(f"it said nothing for {timeout_s:g} s") from error
        except ProtocolError as error:
            raise WorkerGone(f"it sent {error}") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await asyncio.wait({self._watch}, timeout=_END_TIMEOUT_S)
            said = "; ".join(self._last_words) or "no message"
            raise WorkerGone(
                f"its process ended with code {self._process.returncode}: {said}"
            ) from error

    async def end(self, *, at_once: bool = False) -> None:
        """Ends the process: asks first, unless `at_once`; then kills. It is gone after this."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        # whatever it still says must flow, or it (and asyncio) would wait for a reader
        drained = asyncio.create_task(self._drain_stdout(), name="espeak worker drain")
        if not at_once:
            done, _ = await asyncio.wait({self._watch}, timeout=_END_TIMEOUT_S)
            at_once = not done
        if at_once and self.alive:
            self._process.kill()
        await drained
        await self._watch

    async def _drain_stdout(self) -> None:
        while self._process.stdout is not None and await self._process.stdout.read(_READ_BYTES):
            pass

    async def _drain_and_wait(self) -> None:
        """Keeps stderr flowing, remembering its last lines, until the process is gone."""
        stderr = self._process.stderr
        rest = b""
        while stderr is not None and (data := await stderr.read(_STDERR_LINE_BYTES)):
            *lines, rest = (rest + data)[-_STDERR_LINE_BYTES:].split(b"\n")
            self._last_words.extend(line.decode(errors="replace") for line in lines if line)
        await self._process.wait()
        self._on_exit()
