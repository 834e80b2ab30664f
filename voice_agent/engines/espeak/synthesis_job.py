"""One job on its way through the engine."""

import asyncio
import time
from collections import deque

from voice_agent.engines.base import SpeakJob, SpokenChunk
from voice_agent.engines.clauses import Clause
from voice_agent.errors import VoiceAgentError


class SynthesisJob:
    """Clauses still to speak on one side, audio that waits for its reader on the other.

    Args:
        number: The worker knows the job by this.
        job: What was asked for.
        voice: The voice as espeak-ng calls it.
        words_per_minute: How fast.
        clauses: The job's text.

    Attributes:
        waiting_samples: Audio that was not yet read; less than the turnstile lets wait,
            and one clause.
        begun: The worker has had a clause of it.
        came_s: When it came, monotonic.
    """

    def __init__(
        self, number: int, job: SpeakJob, voice: str, words_per_minute: int, clauses: list[Clause]
    ) -> None:
        self.number = number
        self.job = job
        self.voice = voice
        self.words_per_minute = words_per_minute
        self.waiting_samples = 0
        self.begun = False
        self.came_s = time.monotonic()
        self._clauses = deque(clauses)
        self._audio: deque[SpokenChunk] = deque()
        self._heard = False
        self._retried = False
        self._over = False
        self._error: VoiceAgentError | None = None
        self._changed = asyncio.Event()

    @property
    def has_clauses(self) -> bool:
        """Some of the text has not been given to the worker."""
        return bool(self._clauses)

    @property
    def over(self) -> bool:
        """No more audio will be put."""
        return self._over

    def next_clause(self) -> Clause:
        """Takes the next clause."""
        self.begun = True
        return self._clauses.popleft()

    def put(self, chunk: SpokenChunk) -> None:
        """Adds spoken audio; after the end it is dropped."""
        if self._over:
            return
        self._heard = True
        self._audio.append(chunk)
        self.waiting_samples += len(chunk.samples)
        self._changed.set()

    def put_back(self, clause: Clause) -> bool:
        """Takes a clause back that a dying worker did not speak; False if it must fail.

        Once, and only before anything was heard: a text that kills every worker must not
        be tried for ever.
        """
        if self._heard or self._retried or self._over:
            return False
        self._retried, self.begun = True, False
        self._clauses.appendleft(clause)
        return True

    def clause_spoken(self) -> None:
        """All audio of the clause taken last has been put."""
        if not self._clauses:
            self.end()

    def end(self, error: VoiceAgentError | None = None) -> None:
        """Ends it, once: with an error, the reader gets that next."""
        if self._over:
            return
        self._over, self._error = True, error
        self._clauses.clear()
        if error is not None:
            self._audio.clear()
            self.waiting_samples = 0
        self._changed.set()

    async def read(self) -> SpokenChunk | None:
        """The next piece of audio; waits for it.

        Returns:
            None when all has been read.

        Raises:
            VoiceAgentError: It ended with this error.
        """
        while not self._audio:
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._changed.clear()
            await self._changed.wait()
        chunk = self._audio.popleft()
        self.waiting_samples -= len(chunk.samples)
        return chunk
