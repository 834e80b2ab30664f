"""Voices are computed here: one at a time, beside the speech, with a bound and a deadline."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from voice_agent.engines.base import Conditioning, Samples
from voice_agent.errors import EngineTimeout, EngineUnavailable

_MAX_WAITING = 8  # one takes 2 s on a CPU
_LIMIT_S = 60.0


class ConditioningExecutor:
    """One thread, and who waits for it; more than eight are refused."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chatterbox-voice")
        self._n_waiting = 0

    async def compute(
        self, how: Callable[[Samples, int], Conditioning], samples: Samples, rate_hz: int
    ) -> Conditioning:
        """Runs `how` on a clip.

        Raises:
            EngineTimeout: It took longer than a minute.
            EngineUnavailable: Too many wait.
        """
        if self._n_waiting >= _MAX_WAITING:
            raise EngineUnavailable("too many voices are being computed", retry_after_ms=5000)
        self._n_waiting += 1
        work = asyncio.get_running_loop().run_in_executor(self._thread, how, samples, rate_hz)
        try:
            async with asyncio.timeout(_LIMIT_S):
                return await work
        except TimeoutError:
            raise EngineTimeout(f"computing the voice took longer than {_LIMIT_S:g} s") from None
        finally:
            self._n_waiting -= 1

    def close(self) -> None:
        """Drops what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)
