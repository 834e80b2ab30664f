"""A model in a child process: one question at a time, JSON lines and bytes over pipes."""

import asyncio
import json
import sys
from typing import Any

from voice_agent.errors import EngineTimeout, EngineUnavailable

# far above any answer; a longer line means that the child is broken
_MAX_ANSWER_BYTES = 4 << 20
_START_TIMEOUT_S = 30.0
_EXIT_TIMEOUT_S = 2.0


class Child:
    """A running child; not restarted here, its owner makes a new one.

    The module reads requests from stdin, writes answers to stdout and ends with stdin,
    so that it never outlives this process. Its stderr is ours.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str) -> "Child":
        """Starts ``python -m module`` and waits until it says that it is ready.

        Raises:
            EngineUnavailable: It ended, or took too long to start.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_MAX_ANSWER_BYTES,
            # signals for our terminal are ours to handle
            start_new_session=True,
        )
        child = cls(process)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await child._read()
        except TimeoutError:
            await child.close()
            raise EngineUnavailable(f"{module} takes too long to start") from None
        except (asyncio.CancelledError, EngineUnavailable):
            await child.close()
            raise
        return child

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def ask(
        self, question: dict[str, Any], payload: bytes, timeout_s: float
    ) -> dict[str, Any]:
        """Sends a question and waits for its answer.

        If this is cancelled or fails, the child is in an unknown state: `close` it.

        Raises:
            EngineTimeout: No answer in time.
            EngineUnavailable: The child ended or answers nonsense.
        """
        pipe = self._process.stdin
        if pipe is None or not self.alive:
            raise EngineUnavailable("the engine's process ended", retry_after_ms=1000)
        line = json.dumps({**question, "bytes": len(payload)}).encode()
        try:
            async with asyncio.timeout(timeout_s):
                pipe.write(line + b"\n" + payload)
                await pipe.drain()
                return await self._read()
        except TimeoutError:
            raise EngineTimeout(f"no answer within {timeout_s:g} s") from None
        except OSError as error:
            raise EngineUnavailable("the engine's process ended", retry_after_ms=1000) from error

    async def ended(self) -> None:
        """Waits until the process has ended, whoever ended it."""
        await self._process.wait()

    async def close(self) -> None:
        """Ends the process, by force if it does not go."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_EXIT_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """Ends the process at once."""
        if self.alive:
            self._process.kill()

    async def _read(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise EngineUnavailable("the engine's process has no output")
        try:
            line = await self._process.stdout.readline()
            if not line:
                raise EngineUnavailable("the engine's process ended", retry_after_ms=1000)
            return json.loads(line)
        except ValueError as error:
            raise EngineUnavailable("the engine's process answers nonsense") from error
