"""Says once an answer that it takes a while."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pipecat.processors.frame_processor import FrameProcessor

from voice_agent.frames import PhraseFrame


class Filler:
    """Pushes a filler when nothing has come for a while; owned by what answers.

    Args:
        processor: Pushes it.
        after_s: How long the caller waits before; 0 pushes none.
    """

    def __init__(self, processor: FrameProcessor, after_s: float) -> None:
        self._processor = processor
        self._after_s = after_s
        self._used = False
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def answer(self) -> Iterator[None]:
        """An answer, from the beginning of the wait for it to its end."""
        self._used = False
        self.wait()
        try:
            yield
        finally:
            self.stop()

    def wait(self) -> None:
        """The caller waits, from now on."""
        self.stop()
        if self._after_s and not self._used:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._push)

    def stop(self) -> None:
        """There is something to hear."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _push(self) -> None:
        self._used = True
        self._processor.create_task(self._processor.push_frame(PhraseFrame(phrase="filler")))
