"""A model that computes nothing: tokens and audio are made of the request's number and place.

So the scheduler is tested without torch: every sample says whose it is and where it belongs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.spec import FRAMES_PER_TOKEN, SAMPLES_PER_FRAME
from voice_agent.engines.chatterbox.utterance import Request, Utterance
from voice_agent.engines.chatterbox.windows import ChunkWindow

STOP = 9999
HOLD_FRAMES = 8


@dataclass
class _Work:
    windows: list[tuple[Utterance, ChunkWindow]]
    first: bool
    steps_left: int


@dataclass
class ScriptedModel:
    """See `contract.Model`.

    Attributes:
        slots: Room.
        late_steps: As with CUDA.
        lengths: Tokens of each request, by number; 30 if it is not there.
        flow_steps: Of every batch.
        begun: Numbers of the requests of each batch, and whether they were first windows.
        stepped: Slots of each step.
    """

    slots: int = 4
    late_steps: int = 0
    lengths: dict[int, int] = field(default_factory=dict[int, int])
    flow_steps: int = 3
    begun: list[tuple[list[int], bool]] = field(default_factory=list[tuple[list[int], bool]])
    stepped: list[list[int]] = field(default_factory=list[list[int]])
    _in_slot: dict[int, tuple[Request, int]] = field(default_factory=dict[int, Any])

    def join(self, slot: int, request: Request) -> None:
        if not request.text:
            raise ValueError("nothing to say")
        self._in_slot[slot] = (request, 0)

    def step(self, going: Sequence[int]) -> Callable[[], Sequence[int]]:
        assert len(set(going)) == len(going)
        self.stepped.append(list(going))
        tokens = [0] * self.slots
        for slot in going:
            request, n = self._in_slot[slot]
            self._in_slot[slot] = (request, n + 1)
            over = n >= self.lengths.get(request.number, 30)
            tokens[slot] = STOP if over else token_of(request.number, n)
        return lambda: tokens

    def is_stop(self, token: int) -> bool:
        return token == STOP

    def start_vocoder(self, seed: int) -> Any:
        return None

    def length(self, utterance: Utterance, cut: ChunkWindow) -> int:
        return 100 + cut.end - cut.start

    def begin(self, windows: Sequence[tuple[Utterance, ChunkWindow]], *, first: bool) -> Any:
        self.begun.append(([u.request.number for u, _ in windows], first))
        return _Work(list(windows), first, self.flow_steps)

    def advance(self, batch: _Work) -> bool:
        batch.steps_left -= 1
        return batch.steps_left == 0

    def finish(
        self, batch: _Work, wanted: Sequence[tuple[int, Utterance, ChunkWindow]]
    ) -> list[tuple[Samples, int]]:
        made: list[tuple[Samples, int]] = []
        for i, utterance, cut in wanted:
            assert batch.windows[i] == (utterance, cut)
            end = FRAMES_PER_TOKEN * cut.end - (0 if cut.last else HOLD_FRAMES)
            frames = np.arange(utterance.n_sent_frames, end)
            tokens = [utterance.tokens[frame // FRAMES_PER_TOKEN] for frame in frames]
            made.append((np.repeat(tokens, SAMPLES_PER_FRAME).astype(np.float32), len(frames)))
        return made


def token_of(number: int, place: int) -> int:
    """The token that a request has at a place; no other request has it there."""
    return (7919 * number + 31 * place) % 6561
