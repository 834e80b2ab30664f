"""Keeps one child process running."""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable

from loguru import logger

from voice_agent.cli.processes import stop

_DEATHS = 5
_WINDOW_S = 60.0
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 10.0


class Restarts:
    """Says when a process that ended is started again; fed with the times of its deaths."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=_DEATHS)

    def died(self, now_s: float) -> float | None:
        """Takes note of a death.

        Returns:
            Seconds until the next start, or None: it has ended 5 times within 60 s, and
            starting it once more would help nobody.
        """
        self._deaths.append(now_s)
        recent = sum(1 for at in self._deaths if now_s - at < _WINDOW_S)
        if recent >= _DEATHS:
            return None
        return min(_FIRST_DELAY_S * 2 ** (recent - 1), _LONGEST_DELAY_S)


class Supervisor:
    """Owner of one child process.

    Args:
        name: For messages.
        start: Starts the process.
        exit_timeout_s: How long it may take to end when it is asked to.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[asyncio.subprocess.Process]],
        *,
        exit_timeout_s: float,
    ) -> None:
        self.name = name
        self._start = start
        self._exit_timeout_s = exit_timeout_s
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Starts the process again whenever it ends.

        Returns when it keeps ending. Cancelling this ends the process, in order if it can.
        """
        restarts = Restarts()
        while True:
            code = await self._one_life()
            delay_s = restarts.died(time.monotonic())
            if delay_s is None:
                logger.error(
                    "{} ended {} times in {:g} s ({}) and is left alone; the others go on",
                    self.name,
                    _DEATHS,
                    _WINDOW_S,
                    _ended_how(code),
                )
                return
            logger.warning("{} {}; it starts again in {:g} s", self.name, _ended_how(code), delay_s)
            await asyncio.sleep(delay_s)

    def kill(self) -> None:
        """Ends the process at once; `run` has to be cancelled before."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _one_life(self) -> int:
        self._process = await self._start()
        try:
            return await self._process.wait()
        finally:
            if self._process.returncode is None:
                await stop(self._process, self._exit_timeout_s)


def _ended_how(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
