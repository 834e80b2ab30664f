"""The caller's loudspeaker: plays answers in real time, as well or badly as a test wants."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from tests.services.conversing import Caller, Heard, seconds

_STEP_S = 0.02
_REPORT_EVERY_S = 0.25

Trouble = Callable[[float], bool]
"""Whether nothing is played just now, by the seconds since an answer's first audio came."""


class Loudspeaker:
    """Plays what a caller is sent, drops it at `clear`, and reports as the page does.

    Args:
        caller: Whose.
        silent: When it is silent though it has something to play.
        reports: What it reports for what it has played (both in ms); None if it does not.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        silent: Trouble = lambda _: False,
        reports: Callable[[float], float] | None = lambda played_ms: played_ms,
    ) -> None:
        self._caller = caller
        self._silent = silent
        self._reports = reports
        self._seen = 0
        self._turn = 0
        self._waiting: deque[tuple[int, float]] = deque()
        self._first_at_s: dict[int, float] = {}
        self.played_s: dict[int, float] = {}
        """By answer: how much of its audio has been heard."""

    async def run(self) -> None:
        """Plays for ever."""
        due_s = reported_s = time.monotonic()
        while True:
            due_s += _STEP_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            cleared = self._take(self._caller.heard[self._seen :])
            self._play(_STEP_S)
            if cleared or time.monotonic() - reported_s >= _REPORT_EVERY_S:
                reported_s = time.monotonic()
                await self._report()

    def _take(self, news: list[Heard]) -> bool:
        cleared = False
        for heard in news:
            if heard.kind == "audio_chunk" and heard.sound is None:
                break  # its binary frame is on its way
            self._seen += 1
            match heard.kind:
                case "answer_start":
                    self._turn = heard.message["turn"]
                case "clear":
                    self._waiting.clear()
                    cleared = True
                case "audio_chunk":
                    assert heard.sound is not None
                    self._first_at_s.setdefault(self._turn, heard.at_s)
                    self._waiting.append((self._turn, seconds(heard.sound)))
                case _:
                    pass
        return cleared

    def _play(self, step_s: float) -> None:
        while self._waiting and step_s > 0:
            turn, left_s = self._waiting[0]
            if self._silent(time.monotonic() - self._first_at_s[turn]):
                return
            self._waiting.popleft()
            now_s = min(left_s, step_s)
            self.played_s[turn] = self.played_s.get(turn, 0.0) + now_s
            step_s -= now_s
            if left_s > now_s:
                self._waiting.appendleft((turn, left_s - now_s))

    async def _report(self) -> None:
        if self._reports is not None and self._turn:
            played_ms = self.played_s.get(self._turn, 0.0) * 1000
            await self._caller.say("playback", played_ms=self._reports(played_ms))


class Lateness:
    """How late things happen on this machine while a test measures times.

    Attributes:
        worst_s: The latest that anything was.
    """

    def __init__(self) -> None:
        self.worst_s = 0.0

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            due_s = time.monotonic() + _STEP_S
            await asyncio.sleep(_STEP_S)
            self.worst_s = max(self.worst_s, time.monotonic() - due_s)

    def words(self, word_s: float) -> int:
        """By how many words what is remembered may be wrong: one, and what came late.

        As late as the test may be the service, on the same cores.
        """
        return 1 + int(2 * self.worst_s / word_s)


@asynccontextmanager
async def measured() -> AsyncGenerator[Lateness]:
    """Measures while the block runs."""
    lateness = Lateness()
    task = asyncio.create_task(lateness.run())
    try:
        yield lateness
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def playing(speaker: Loudspeaker) -> AsyncGenerator[Loudspeaker]:
    """Plays while the block runs."""
    task = asyncio.create_task(speaker.run())
    try:
        yield speaker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
