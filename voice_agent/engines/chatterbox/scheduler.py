"""Who draws, and what is rendered next: synchronous, owned by one thread, free of torch.

A tick is one step of the token model for all utterances and one Euler step of one batch of
windows. So a newcomer waits for a tick and not for a chunk, and a cancelled utterance's slot
is free at the next tick.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.contract import Model
from voice_agent.engines.chatterbox.guards import EndGuard
from voice_agent.engines.chatterbox.spec import FRAMES_PER_TOKEN
from voice_agent.engines.chatterbox.utterance import (
    AllDrawn,
    Audio,
    Event,
    Refused,
    Request,
    Utterance,
)
from voice_agent.engines.chatterbox.windows import ChunkWindow, batchable, next_cut


@dataclass(slots=True, kw_only=True, eq=False)
class _Batch:
    rows: list[tuple[Utterance, ChunkWindow]]
    first: bool
    work: Any

    def deadline_s(self) -> float:
        return min(u.deadline_s() for u, _ in self.rows if not u.over)


@dataclass(slots=True, kw_only=True)
class Counts:
    """What was done since the start, for metrics and benchmarks."""

    ticks: int = 0
    steps: int = 0
    drawn: int = 0
    euler_steps: int = 0
    batches: int = 0
    windows: int = 0


class Scheduler:
    """The core of the engine.

    Args:
        model: What computes.
        ahead_s: An utterance pauses while its reader is this far behind.
        max_batch: Windows that are rendered together.
        max_joins: Utterances that join in one tick; each holds up the others.
        context_tokens: Rendered tokens that a window shows the decoder again.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        model: Model,
        *,
        ahead_s: float = 3.0,
        max_batch: int = 32,
        max_joins: int = 4,
        context_tokens: int = 25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._ahead_s = ahead_s
        self._max_batch = max_batch
        self._max_joins = max_joins
        self._context_tokens = context_tokens
        self._clock = clock
        self._utterances: dict[int, Utterance] = {}
        self._waiting: list[Utterance] = []  # bounded by whoever admits
        self._free = list(range(model.slots))
        self._pending: list[tuple[dict[int, Utterance], Callable[[], Sequence[int]]]] = []
        self._batches: list[_Batch] = []  # one of first windows, one of others
        self._events: list[Event] = []
        self.counts = Counts()

    @property
    def free_slots(self) -> int:
        """Slots that nobody has."""
        return len(self._free)

    @property
    def open_numbers(self) -> list[int]:
        """Utterances that were admitted and are not over."""
        return list(self._utterances)

    def admit(self, request: Request) -> None:
        """Takes an utterance; it joins at the next tick with a free slot."""
        utterance = Utterance(
            request=request,
            came_s=self._clock(),
            vocoder=self._model.start_vocoder(request.seed),
            guard=EndGuard(request.longest),
        )
        self._utterances[request.number] = utterance
        self._waiting.append(utterance)

    def cancel(self, number: int) -> None:
        """Drops an utterance; nothing of it comes any more. Unknown ones are no error."""
        utterance = self._utterances.get(number)
        if utterance is not None:
            self._drop(utterance)

    def tick(self) -> list[Event] | None:
        """Does a little of everything that is due.

        Returns:
            What happened; None if there is nothing to do until something is admitted,
            cancelled or heard.
        """
        self.counts.ticks += 1
        self._events = []
        busy = self._join()
        busy |= self._draw()
        busy |= self._render()
        return self._events if busy or self._events else None

    # -- drawing

    def _join(self) -> bool:
        self._waiting.sort(key=lambda u: (u.request.patient, u.came_s))
        joining = self._waiting[: min(self._max_joins, len(self._free))]
        for utterance in joining:
            self._waiting.remove(utterance)
            slot = min(self._free)  # low ones: a step runs all slots up to the highest
            try:
                self._model.join(slot, utterance.request)
            except ValueError as error:
                number = utterance.request.number
                self._drop(utterance)
                self._events.append(Refused(number=number, why=str(error)))
                continue
            self._free.remove(slot)
            utterance.slot = slot
        return bool(joining)

    def _draw(self) -> bool:
        drawing = {
            u.slot: u
            for u in self._utterances.values()
            if u.slot is not None and u.request.ahead.unheard_s < self._ahead_s
        }
        if drawing:
            self._pending.append((drawing, self._model.step(sorted(drawing))))
            self.counts.steps += 1
        late = self._model.late_steps if drawing else 0
        while len(self._pending) > late:
            self._collect(*self._pending.pop(0))
        return bool(drawing)

    def _collect(self, drawing: dict[int, Utterance], tokens: Callable[[], Sequence[int]]) -> None:
        drawn = tokens()
        for slot, utterance in drawing.items():
            if utterance.slot == slot:  # neither cancelled nor ended meanwhile
                self.counts.drawn += 1
                self._hear(utterance, drawn[slot])

    def _hear(self, utterance: Utterance, token: int) -> None:
        if self._model.is_stop(token):
            utterance.ended = "end"
        else:
            utterance.tokens.append(token)
            utterance.request.ahead.n_tokens += 1
            utterance.ended = utterance.guard.hear(token)
        if not utterance.ended:
            return
        self._release(utterance)
        number, n_tokens = utterance.request.number, len(utterance.tokens)
        self._events.append(AllDrawn(number=number, n_tokens=n_tokens, why=utterance.ended))
        if not n_tokens:
            self._send(utterance, np.zeros(0, np.float32), 0, last=True)

    # -- rendering

    def _render(self) -> bool:
        self._begin(first=True)
        self._begin(first=False)
        self._batches = [b for b in self._batches if any(not u.over for u, _ in b.rows)]
        if not self._batches:
            return False
        batch = min(self._batches, key=_Batch.deadline_s)
        self.counts.euler_steps += 1
        if self._model.advance(batch.work):
            self._batches.remove(batch)
            self._finish(batch)
        return True

    def _begin(self, *, first: bool) -> None:
        if any(batch.first == first for batch in self._batches):
            return
        due = [
            (u, cut)
            for u in self._utterances.values()
            if not u.rendering
            and (u.n_chunks == 0) == first
            and (cut := next_cut(u, self._context_tokens))
        ]
        if not due:
            return
        due.sort(key=lambda row: row[0].deadline_s())
        rows = batchable(due, [self._model.length(*row) for row in due])[: self._max_batch]
        for utterance, _ in rows:
            utterance.rendering = True
        work = self._model.begin(rows, first=first)
        self._batches.append(_Batch(rows=rows, first=first, work=work))
        self.counts.batches += 1
        self.counts.windows += len(rows)

    def _finish(self, batch: _Batch) -> None:
        wanted = [(i, u, cut) for i, (u, cut) in enumerate(batch.rows) if not u.over]
        if not wanted:
            return
        for (_, utterance, cut), (samples, n_frames) in zip(
            wanted, self._model.finish(batch.work, wanted), strict=True
        ):
            utterance.rendering = False
            utterance.n_rendered = cut.end
            utterance.n_chunks += 1
            self._send(utterance, samples, n_frames, last=cut.last)

    def _send(self, utterance: Utterance, samples: Samples, n_frames: int, *, last: bool) -> None:
        utterance.n_sent_frames += n_frames
        if utterance.spoke_s is None:
            utterance.spoke_s = self._clock()
        if len(samples) or last:
            self._events.append(
                Audio(
                    number=utterance.request.number,
                    samples=samples,
                    n_tokens=utterance.n_sent_frames // FRAMES_PER_TOKEN,
                    n_drawn=len(utterance.tokens),
                    last=last,
                )
            )
        if last:
            self._drop(utterance)

    # -- leaving

    def _drop(self, utterance: Utterance) -> None:
        utterance.over = True
        self._release(utterance)
        if utterance in self._waiting:
            self._waiting.remove(utterance)
        self._utterances.pop(utterance.request.number, None)

    def _release(self, utterance: Utterance) -> None:
        if utterance.slot is not None:
            self._free.append(utterance.slot)
            utterance.slot = None
