"""What the partials and finals of a session say about how steady its text was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from voice_agent.turns.agreement import normalise
from voice_agent.wire.asr import AsrServerMessage, Final, Partial


@dataclass
class Turn:
    """The partials of a turn and its final."""

    partials: list[Partial]
    final: Final

    @property
    def settled(self) -> list[str]:
        """Words that were settled when the turn ended."""
        return _settled(self.partials[-1]) if self.partials else []

    @property
    def changed(self) -> int:
        """Settled words that the next partial does not have, settled, at their place."""
        steps = [(_settled(a), _settled(b)) for a, b in pairwise(self.partials)]
        return sum(
            old != new
            for before, after in steps
            for old, new in zip(before, [*after, *[""] * len(before)], strict=False)
        )

    @property
    def settled_after_s(self) -> list[float]:
        """Of each settled word that the final has."""
        ends_s = [word.end for word in self.final.words]
        places = _common(self.settled, [word.word for word in self.final.words])
        return [self._settled_at_s(ours) - ends_s[theirs] for ours, theirs in places]

    @property
    def withdrawn(self) -> int:
        """Words that were shown and then not, the final included."""
        shown = [*(partial.text.split() for partial in self.partials), self.final.text.split()]
        return sum(len(before) - len(_common(before, after)) for before, after in pairwise(shown))

    def _settled_at_s(self, index: int) -> float:
        return next(p.timestamp for p in self.partials if len(_settled(p)) > index)


def _settled(partial: Partial) -> list[str]:
    return partial.text[: partial.committed].split()


def _common(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the words that both have, in order."""
    a, b = [normalise(word) for word in ours], [normalise(word) for word in theirs]
    blocks = SequenceMatcher(a=a, b=b, autojunk=False).get_matching_blocks()
    return [(block.a + n, block.b + n) for block in blocks for n in range(block.size)]


def turns(messages: Sequence[AsrServerMessage]) -> Iterator[Turn]:
    """The turns of a session."""
    partials: list[Partial] = []
    for message in messages:
        if isinstance(message, Partial):
            partials.append(message)
        elif isinstance(message, Final):
            yield Turn(partials, message)
            partials = []
