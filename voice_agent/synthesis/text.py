"""What may be spoken, and text that arrives piece by piece."""

from voice_agent.engines.clauses import NO_LIMITS, ClauseLimits, is_speakable
from voice_agent.errors import BadMessage, TextTooLong
from voice_agent.synthesis.text_normalization.normaliser import Normaliser, speakable
from voice_agent.synthesis.text_normalization.normalized_text import NormalizedText

_NOTHING = "there is nothing to speak in the text: it has no letter and no digit"


def spoken_text(
    text: str, max_chars: int, language: str = "en", *, rewrite: bool = True
) -> NormalizedText:
    """How a text that is one request is spoken.

    Args:
        text: As a client sent it.
        max_chars: It may not have more.
        language: Whose rules it is rewritten by.
        rewrite: False leaves it as it is.

    Raises:
        TextTooLong: It has more than `max_chars` characters.
        BadMessage: It is empty, or has only white space, punctuation, markup or emoji.
    """
    _check_length(len(text), max_chars)
    spoken = speakable(text, language, rewrite=rewrite)
    if not is_speakable(spoken.text):
        raise BadMessage(_NOTHING)
    return spoken


def _check_length(n_chars: int, max_chars: int) -> None:
    if n_chars > max_chars:
        raise TextTooLong(
            f"the text has {n_chars} characters, {max_chars} are allowed: send it in parts"
        )


class TextAssembler:
    """Gathers a request's text while it is written and gives out what can be spoken.

    Each part is speakable, and says where in the whole text it comes from. The first one
    ends at its first pause, later ones when it is sure that the sentence is over, which
    often takes the first letter of the next one (`Dr.`, `3.`). Together, the parts are what
    `spoken_text` gives for the whole text.

    A part too short to be spoken well by itself waits for the next one (`waiting`); when
    nothing follows for a while, the owner calls `release`.

    Args:
        max_chars: The whole request may not have more.
        language: Whose rules and abbreviations.
        rewrite: False leaves the text as it is.
        limits: `least_chars` says what is too short.
    """

    def __init__(
        self,
        max_chars: int,
        language: str = "en",
        *,
        rewrite: bool = True,
        limits: ClauseLimits = NO_LIMITS,
    ) -> None:
        self._max_chars = max_chars
        self._normaliser = Normaliser(language, rewrite=rewrite)
        self._least_chars = limits.least_chars
        self._held: NormalizedText | None = None
        self._any = False  # something was given out

    @property
    def waiting(self) -> bool:
        """Something could be spoken now, but is short and waits for what follows."""
        return self._held is not None and is_speakable(self._held.text)

    def feed(self, delta: str) -> list[NormalizedText]:
        """Adds text.

        Returns:
            The parts that are complete now, often none.

        Raises:
            TextTooLong: The whole would be too long; `delta` was not added.
        """
        _check_length(self._normaliser.n_chars + len(delta), self._max_chars)
        return self._given(self._normaliser.feed(delta))

    def flush(self) -> list[NormalizedText]:
        """Ends the text.

        Returns:
            What is left of it.

        Raises:
            BadMessage: Nothing in the whole text could be spoken.
        """
        rest = self._given(self._normaliser.flush()) + self.release()
        if not self._any:
            raise BadMessage(_NOTHING)
        return rest

    def release(self) -> list[NormalizedText]:
        """Gives out what waits, however short."""
        if self._held is None or not self.waiting:
            return []
        held, self._held = self._held, None
        self._any = True
        return [held]

    def _given(self, pieces: list[NormalizedText]) -> list[NormalizedText]:
        given: list[NormalizedText] = []
        for piece in pieces:
            # what is not spoken goes with what follows
            self._held = self._held.followed_by(piece) if self._held else piece
            if self.waiting and len(self._held.text.strip()) >= self._least_chars:
                given += self.release()
        return given
