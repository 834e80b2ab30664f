"""What may be spoken, and text that arrives piece by piece."""

import re

from voice_agent.engines.clauses import Clause, clauses, first_pause, is_speakable, sentences
from voice_agent.errors import BadMessage, TextTooLong

_MAY_END = re.compile(r"[\s.!?…,;:—–\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f]")
_NOTHING = "there is nothing to speak in the text: it has no letter and no digit"


def check_text(text: str, max_chars: int) -> None:
    """Refuses what cannot be one request.

    Raises:
        TextTooLong: It has more than `max_chars` characters.
        BadMessage: It is empty, or has only white space, punctuation or emoji.
    """
    _check_length(len(text), max_chars)
    if not is_speakable(text):
        raise BadMessage(_NOTHING)


def _check_length(n_chars: int, max_chars: int) -> None:
    if n_chars > max_chars:
        raise TextTooLong(
            f"the text has {n_chars} characters, {max_chars} are allowed: send it in parts"
        )


class TextAssembler:
    """Gathers a request's text while it is written and gives out what can be spoken.

    Clauses come in order and say where in the whole text they are. The first one is given
    out at its first pause, later ones when it is sure that the sentence is over, which
    often takes the first letter of the next one (`Dr.`, `3.`).

    Args:
        max_chars: The whole request may not have more.
        language: Whose abbreviations end no sentence.
    """

    def __init__(self, max_chars: int, language: str = "en") -> None:
        self._max_chars = max_chars
        self._language = language
        self._pending = ""
        self._at = 0  # where `_pending` begins in the whole text

    def feed(self, delta: str) -> list[Clause]:
        """Adds text.

        Returns:
            The clauses that are complete now, often none.

        Raises:
            TextTooLong: The whole would be too long; `delta` was not added.
        """
        _check_length(self._at + len(self._pending) + len(delta), self._max_chars)
        # the first letter after an end shows that it was one
        news = self._pending[-1:] + delta
        self._pending += delta
        if not delta or not _MAY_END.search(news):
            return []
        complete = clauses(self._pending, language=self._language)
        if not self._is_over(complete[-1]):
            complete.pop()
        if not complete and self._at == 0:
            complete = self._first_clause()
        return self._give_out(complete)

    def flush(self) -> list[Clause]:
        """Ends the text.

        Returns:
            What is left of it.

        Raises:
            BadMessage: Nothing in the whole text could be spoken.
        """
        rest = clauses(self._pending, language=self._language)
        if is_speakable(self._pending):
            return self._give_out(rest)
        if self._at == 0:
            raise BadMessage(_NOTHING)
        self._pending = ""  # punctuation after the last clause
        return []

    def _is_over(self, clause: Clause) -> bool:
        """Whether the last clause ends with a sentence that no following text can continue."""
        if not is_speakable(clause.text):
            return False
        # in lower case even an ellipsis goes on
        followed = sentences(clause.text + "a", self._language)
        return any(end == len(clause.text) for _, end in followed)

    def _first_clause(self) -> list[Clause]:
        cut = first_pause(self._pending, 0, len(self._pending))
        if cut is None or not is_speakable(self._pending[:cut]):
            return []
        return [Clause(text=self._pending[:cut], start=0, end=cut)]

    def _give_out(self, complete: list[Clause]) -> list[Clause]:
        if not complete:
            return []
        given = [
            Clause(text=clause.text, start=self._at + clause.start, end=self._at + clause.end)
            for clause in complete
        ]
        self._pending = self._pending[complete[-1].end :]
        self._at = given[-1].end
        return given
