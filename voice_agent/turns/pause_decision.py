"""What is known of the pause a caller makes, as it comes in, and the wait that follows."""

from dataclasses import dataclass

from voice_agent.turns.end_of_turn import Expected, Pause, decide
from voice_agent.turns.phrase_end import has_rules

_TEXT_IS_LATE_MS = 800.0
"""A turn whose text is late does not end before this by its sound alone. Waiting costs nothing:
the final needs the same text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseText:
    """What was said until a pause.

    Attributes:
        end_sample: Where the pause begins.
        text: Empty if nothing was understood.
        language: Code.
        confidence: 0–1.
    """

    end_sample: int
    text: str
    language: str
    confidence: float


class PauseDecision:
    """Follows one session's pauses.

    Args:
        language: What is spoken, as a code or `auto`.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.expected = Expected.ANY
        self._end_sample = -1
        self._smart_turn: float | None = None
        self._text: PauseText | None = None

    def sound(self, end_sample: int, smart_turn: float | None) -> None:
        """Takes what Smart Turn makes of the pause that began there; None: it says nothing."""
        self._end_sample, self._smart_turn = end_sample, smart_turn

    def read(self, text: PauseText) -> None:
        """Takes the text of the turn until a pause, which may come before `sound`."""
        self._text = text

    def wait_ms(self) -> float | None:
        """Silence that ends the turn in the pause that `sound` told of; None: nobody knows."""
        text = self._text
        if text is not None and text.end_sample == self._end_sample:
            return decide(
                Pause(
                    smart_turn=self._smart_turn,
                    text=text.text,
                    language=text.language,
                    confidence=text.confidence,
                    expected=self.expected,
                )
            ).wait_ms
        if self._smart_turn is None:
            return None
        wait_ms = decide(Pause(smart_turn=self._smart_turn)).wait_ms
        text_comes = self.language == "auto" or has_rules(self.language)
        return max(wait_ms, _TEXT_IS_LATE_MS) if text_comes else wait_ms

    @property
    def end_sample(self) -> int:
        """Where the pause that `sound` told of began; -1 before the first."""
        return self._end_sample
