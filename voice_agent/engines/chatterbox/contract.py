"""What the scheduler needs of a model: so much of it, and no torch."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.utterance import Request, Utterance
from voice_agent.engines.chatterbox.windows import ChunkWindow


class Model(Protocol):
    """What the scheduler needs of a model."""

    @property
    def slots(self) -> int:
        """Utterances that can be drawn at once."""
        ...

    @property
    def late_steps(self) -> int:
        """Steps that are begun before a step's tokens are asked for; 0 or 1."""
        ...

    def join(self, slot: int, request: Request) -> None:
        """Starts an utterance; raises ValueError if it cannot be spoken."""
        ...

    def step(self, going: Sequence[int]) -> Callable[[], Sequence[int]]:
        """Begins a step of these slots; the result, called, waits for a token of each slot."""
        ...

    def is_stop(self, token: int) -> bool:
        """Whether a token ends the speech."""
        ...

    def start_vocoder(self, seed: int) -> Any:
        """The state of a new utterance."""
        ...

    def length(self, utterance: Utterance, cut: ChunkWindow) -> int:
        """Tokens of a window with the voice's clip."""
        ...

    def begin(self, windows: Sequence[tuple[Utterance, ChunkWindow]], *, first: bool) -> Any:
        """Begins to render windows."""
        ...

    def advance(self, batch: Any) -> bool:
        """Takes one step; True if it was the last."""
        ...

    def finish(
        self, batch: Any, wanted: Sequence[tuple[int, Utterance, ChunkWindow]]
    ) -> list[tuple[Samples, int]]:
        """Audio of these rows of a batch, and how many frames of each it is."""
        ...
