"""One job: its clauses as utterances, their audio in order, and how far it was taken."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from voice_agent.engines.base import SpeakJob, SpokenChunk
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ, TOKENS_PER_S
from voice_agent.engines.chatterbox.utterance import AllDrawn, Audio, Lead, Request
from voice_agent.engines.clauses import Clause
from voice_agent.errors import VoiceAgentError

_CHARACTERS_PER_S = 14  # of calm speech; only for where in a clause a chunk is


@dataclass(slots=True, kw_only=True, eq=False)
class _Part:
    """A clause that is being spoken."""

    clause: Clause
    request: Request
    chunks: deque[SpokenChunk] = field(default_factory=deque[SpokenChunk])
    n_tokens: int = 0  # of all of it, once that is known
    at: int = 0  # characters of the clause that were heard
    over: bool = False


class SynthesisJob:
    """A job on its way; belongs to the event loop.

    Args:
        job: What was asked for.
        clauses: Its text.

    Attributes:
        job: See there.
        ahead: How far its audio is ahead of its reader; the engine's thread writes it.
    """

    def __init__(self, job: SpeakJob, clauses: Sequence[Clause]) -> None:
        self.job = job
        self.ahead = Lead()
        self._clauses = deque(clauses)
        self._parts: deque[_Part] = deque()
        self._taken = 0  # samples
        self._error: VoiceAgentError | None = None
        self._changed = asyncio.Event()

    @property
    def open_numbers(self) -> list[int]:
        """Utterances that are in the engine, or whose audio was not read."""
        return [part.request.number for part in self._parts]

    @property
    def heard_s(self) -> float:
        """Audio that was taken."""
        return self._taken / SAMPLE_RATE_HZ

    @property
    def request(self) -> Request | None:
        """The utterance that is read now."""
        return self._parts[0].request if self._parts else None

    def next_clause(self) -> Clause | None:
        """Takes the next clause that was not begun."""
        return self._clauses.popleft() if self._clauses else None

    def begin(self, clause: Clause, request: Request) -> None:
        """A clause was given to the engine."""
        self._parts.append(_Part(clause=clause, request=request))

    def hear(self, event: Audio | AllDrawn) -> None:
        """Takes what the engine says of one of its utterances."""
        part = next((p for p in self._parts if p.request.number == event.number), None)
        if part is None:
            return
        if isinstance(event, AllDrawn):
            part.n_tokens = event.n_tokens
            return
        start = part.at
        part.at = _heard(part, event)
        if len(event.samples):
            part.chunks.append(
                SpokenChunk(
                    samples=event.samples,
                    text_start=part.clause.start + start,
                    text_end=part.clause.start + part.at,
                )
            )
        part.over = event.last
        self._changed.set()

    def fail(self, error: VoiceAgentError) -> None:
        """Ends it: its reader gets this error next."""
        self._error = error
        self._clauses.clear()
        self._changed.set()

    async def read(self) -> SpokenChunk | None:
        """The next chunk; waits for it.

        Returns:
            None when all has been read.

        Raises:
            VoiceAgentError: It failed.
        """
        while True:
            if self._error is not None:
                raise self._error
            while self._parts and self._parts[0].over and not self._parts[0].chunks:
                self._parts.popleft()
            if not self._parts and not self._clauses:
                return None
            if self._parts and self._parts[0].chunks:
                chunk = self._parts[0].chunks.popleft()
                self._taken += len(chunk.samples)
                return chunk
            self._changed.clear()
            await self._changed.wait()


def _heard(part: _Part, event: Audio) -> int:
    """Characters of a clause that are heard up to the end of an audio; to the end of a word.

    The model does not say where it is. Until it is known how long the clause will be, it is
    taken to be spoken calmly.
    """
    text = part.clause.text
    if event.last:
        return len(text)
    usual = len(text) / _CHARACTERS_PER_S * TOKENS_PER_S
    expected = part.n_tokens or max(usual, event.n_drawn + 1)
    at = min(int(len(text) * event.n_tokens / expected), len(text))
    space = text.find(" ", at)
    return max(part.at, len(text) if space < 0 else space)
