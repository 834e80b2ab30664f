"""Speakable text that knows which characters of the original it stands for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_GROWTH_CHARS = 15_000
"""What rewriting may add to a whole text: 5,000 characters become at most 20,000."""

_MAX_GROWTH = 40  # times; the longest real one is about 15 ("≈")


class Edit(NamedTuple):
    """``text[start:end]`` is spoken as `new`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """Text to speak and, for each of its characters, where the original has it.

    Attributes:
        text: What is spoken.
        offsets: One more than `text` has characters, never falling. Character ``i`` stands
            for ``original[offsets[i]:offsets[i + 1]]``: nothing, one character, or one and
            what is not spoken after it. An expansion is spread evenly over what it
            expands, so that half of it heard is half of it heard.
    """

    text: str
    offsets: Sequence[int]

    @property
    def start(self) -> int:
        """Where the original begins."""
        return self.offsets[0]

    @property
    def end(self) -> int:
        """Where the original ends."""
        return self.offsets[-1]

    def at(self, index: int) -> int:
        """Where in the original a position in the text is; any integer is taken."""
        return self.offsets[min(max(index, 0), len(self.text))]

    def followed_by(self, other: "NormalizedText") -> "NormalizedText":
        """Both, one after the other; the originals are neighbours."""
        return NormalizedText(self.text + other.text, [*self.offsets[:-1], *other.offsets])


def verbatim(text: str, start: int = 0) -> NormalizedText:
    """A text that is spoken as it is; the original has it at `start`."""
    return NormalizedText(text, range(start, start + len(text) + 1))


class Budget:
    """How much longer than the original a text may still become.

    Args:
        n_chars: Of growth, in all.
    """

    def __init__(self, n_chars: int = MAX_GROWTH_CHARS) -> None:
        self._left = n_chars

    def allows(self, edit: Edit) -> bool:
        """Takes the growth of an edit; False, and nothing taken, if there is not enough."""
        n_old, n_new = edit.end - edit.start, len(edit.new)
        growth = n_new - n_old
        if growth <= 0:
            return True
        if n_new > _MAX_GROWTH * (n_old or 1) or growth > self._left:
            return False
        self._left -= growth
        return True


def edited(spoken: NormalizedText, edits: Iterable[Edit], budget: Budget) -> NormalizedText:
    """Applies edits of the spoken text, keeping the way back to the original.

    Args:
        spoken: What is edited.
        edits: In order. One that overlaps the one before is left out, and so is one that
            the budget does not allow: its characters stay as they are.
        budget: For the whole text.
    """
    text, old = spoken.text, spoken.offsets
    parts: list[str] = []
    offsets: list[int] = []
    at = 0
    for edit in edits:
        if edit.start < at or not budget.allows(edit):
            continue
        parts += text[at : edit.start], edit.new
        offsets += old[at : edit.start]
        offsets += _spread(old[edit.start], old[edit.end], len(edit.new))
        at = edit.end
    if not parts:
        return spoken
    parts.append(text[at:])
    offsets += old[at:]
    if len(offsets) > 1:
        # what is left out at the beginning belongs to the text all the same
        offsets[0] = old[0]
    return NormalizedText("".join(parts), offsets)


def _spread(start: int, end: int, n_chars: int) -> list[int]:
    """`n_chars` places from `start` on, evenly up to `end`."""
    length = end - start
    return [start + length * i // n_chars for i in range(n_chars)]
