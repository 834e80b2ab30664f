"""One job on its way: clauses for the model on one side, audio for its reader on the other."""

import asyncio
from collections import deque
from collections.abc import Sequence

from voice_agent.engines.base import SpeakJob, SpokenChunk
from voice_agent.engines.piper.rendering import Piece, Rendering
from voice_agent.errors import VoiceAgentError


class Passage:
    """A clause that the model speaks, and what of its audio was not read.

    Args:
        rendering: Makes it.
        text_start: Of the clause, in the job's text.
    """

    def __init__(self, rendering: Rendering, text_start: int) -> None:
        self.rendering = rendering
        self._text_start = text_start
        self._chunks: deque[SpokenChunk] = deque()  # bounded by what a speech may be ahead
        self._over = False
        self._error: VoiceAgentError | None = None
        self._changed = asyncio.Event()

    def put(self, pieces: Sequence[Piece]) -> None:
        """Adds audio."""
        for piece in pieces:
            self._chunks.append(
                SpokenChunk(
                    samples=piece.samples,
                    text_start=self._text_start + piece.text_start,
                    text_end=self._text_start + piece.text_end,
                )
            )
        self._changed.set()

    def end(self, error: VoiceAgentError | None = None) -> None:
        """No more comes; with an error, the reader gets that next."""
        self._over = True
        if error is not None:
            self._error = error
            self._chunks.clear()
        self._changed.set()

    async def read(self) -> SpokenChunk | None:
        """The next word or pause; waits for it.

        Returns:
            None when all has been read.

        Raises:
            VoiceAgentError: It failed.
        """
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._chunks.popleft()


class SynthesisJob:
    """A job; belongs to the event loop.

    Args:
        job: What was asked for.
        rate_hz: Of the audio.
        now_s: Monotonic.

    Attributes:
        job: See there.
        came_s: When it came.
        waiting_s: Audio that was not read.
        busy: A thread is at one of its clauses.
        begun: A thread has been.
        over: Nothing more is made for it.
        error: Why it is over, if somebody else ended it.
    """

    def __init__(self, job: SpeakJob, rate_hz: int, now_s: float) -> None:
        self.job = job
        self.came_s = now_s
        self.waiting_s = 0.0
        self.busy = self.begun = self.over = False
        self.error: VoiceAgentError | None = None
        self._rate_hz = rate_hz
        self._dry_s = now_s
        self._passages: deque[Passage] = deque()  # this one and the next, no more

    @property
    def due_s(self) -> float:
        """When a listener who hears all of it at once would have nothing more to hear."""
        return self._dry_s

    @property
    def passage(self) -> Passage | None:
        """The clause that is to be made now."""
        return self._passages[0] if self._passages else None

    def add(self, passage: Passage) -> None:
        """Adds a clause."""
        if self.over:
            passage.end(self.error)
        else:
            self._passages.append(passage)

    def made(self, passage: Passage, pieces: Sequence[Piece], now_s: float) -> None:
        """A thread has made audio of a clause."""
        if self.over:
            return
        made_s = sum(len(piece.samples) for piece in pieces) / self._rate_hz
        self._dry_s = max(self._dry_s, now_s) + made_s
        self.waiting_s += made_s
        passage.put(pieces)
        if passage.rendering.over:
            self._passages.popleft()
            passage.end()

    def failed(self, passage: Passage, error: VoiceAgentError) -> None:
        """A clause cannot be made; the others can."""
        if not self.over:
            self._passages.popleft()
            passage.end(error)

    def taken(self, chunk: SpokenChunk) -> None:
        """Its reader has taken audio."""
        self.waiting_s -= len(chunk.samples) / self._rate_hz

    def said_by_others(self, chunk_s: float, now_s: float) -> None:
        """Its listener has got audio that was not made here."""
        self._dry_s = max(self._dry_s, now_s) + chunk_s

    def end(self, error: VoiceAgentError | None = None) -> None:
        """Ends it; with an error its reader gets that next."""
        if self.over:
            return
        self.over, self.error = True, error
        for passage in self._passages:
            passage.end(error)
        self._passages.clear()
