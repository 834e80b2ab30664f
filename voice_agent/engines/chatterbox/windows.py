"""Which tokens of an utterance are rendered next, and with whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from voice_agent.engines.chatterbox.spec import LOOK_AHEAD_TOKENS
from voice_agent.engines.chatterbox.utterance import Utterance

_GROWING = (10, 20)  # tokens of the first windows: soon heard, then ever cheaper
_ALIKE = 1.25  # windows whose lengths differ by more would mostly compute padding

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkWindow:
    """A window of an utterance's tokens.

    Attributes:
        start: First token that the decoder is shown.
        end: One past the last that is rendered; three more are shown if not `last`.
        last: The utterance ends at `end`.
    """

    start: int
    end: int
    last: bool


def next_cut(utterance: Utterance, context_tokens: int) -> ChunkWindow | None:
    """The next window of an utterance, or None if too little is drawn.

    Where windows end follows from the tokens alone, not from how many of them there happen
    to be by now: so equal requests sound alike however busy the engine is.

    Args:
        utterance: Not in a batch already.
        context_tokens: Rendered tokens that are shown again.
    """
    done, n_tokens = utterance.n_rendered, len(utterance.tokens)
    size = utterance.request.chunk_tokens
    if utterance.n_chunks < len(_GROWING):
        size = min(size, _GROWING[utterance.n_chunks])
    start = max(done - context_tokens, 0)
    if n_tokens - LOOK_AHEAD_TOKENS - done >= size:
        return ChunkWindow(start=start, end=done + size, last=False)
    return ChunkWindow(start=start, end=n_tokens, last=True) if utterance.ended else None


def batchable(rows: Sequence[T], lengths: Sequence[int]) -> list[T]:
    """Those rows whose lengths are near enough to the first one's to share a batch."""
    low, high = lengths[0] / _ALIKE, lengths[0] * _ALIKE
    return [row for row, length in zip(rows, lengths, strict=True) if low <= length <= high]
