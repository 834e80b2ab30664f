"""What the partials of a session were like: how often they came, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.steadiness import turns
from voice_agent.wire.asr import AsrServerMessage, Final, Partial

Timed = tuple[float, AsrServerMessage]


def intervals_s(messages: Sequence[Timed]) -> list[float]:
    """Between partials that follow each other in a turn; those at a pause are not counted."""
    came: list[list[float]] = [[]]
    for at_s, message in messages:
        if isinstance(message, Final):
            came.append([])
        elif isinstance(message, Partial) and not message.at_pause:
            came[-1].append(at_s)
    return [after - before for turn in came for before, after in pairwise(turn)]


@dataclass(frozen=True, slots=True)
class Settled:
    """Words that were shown as settled, and how many of them were changed after all."""

    words: int
    changed: int


def settled(messages: Sequence[Timed]) -> Settled:
    """Of a session: changed by a later partial, or by the final."""
    found = list(turns([message for _, message in messages]))
    return Settled(
        words=sum(len(turn.settled) for turn in found),
        changed=sum(turn.changed + turn.final.revised for turn in found),
    )
