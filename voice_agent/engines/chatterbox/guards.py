"""When an utterance has to end although the model does not end it."""

from collections import deque

from voice_agent.engines.chatterbox.spec import LONGEST_TOKENS

_LONGEST_CYCLE = 12  # tokens, 0.5 s: a syllable said again and again
_CYCLING_TOKENS = 75  # 3 s of it; a pause of one token can last 2 s in slow speech
_TOKENS_PER_CHARACTER = 5  # three times slower than slow speech
_SPARE_TOKENS = 50  # 2 s of pauses; a word or two have none
_SPARE_TOKENS_PER_CHARACTER = 2
_LEAST_TOKENS = 20


def longest_tokens(n_characters: int) -> int:
    """Speech tokens that a text can take at most, with room for pauses.

    "Yes." has 1.9 s: a model that goes on with words of its own does not get far.
    """
    spare = min(_LEAST_TOKENS + _SPARE_TOKENS_PER_CHARACTER * n_characters, _SPARE_TOKENS)
    return min(spare + _TOKENS_PER_CHARACTER * n_characters, LONGEST_TOKENS)


class EndGuard:
    """Watches the tokens of one utterance.

    Args:
        longest: Tokens it may have.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._n_tokens = 0
        self._recent: deque[int] = deque(maxlen=_LONGEST_CYCLE)
        self._repeated = [0] * (_LONGEST_CYCLE + 1)

    def hear(self, token: int) -> str:
        """Takes the next token.

        Returns:
            Why the utterance has to end behind it (`length`, `repetition`), or empty.
        """
        self._n_tokens += 1
        for cycle in range(1, len(self._recent) + 1):
            same = self._recent[-cycle] == token
            self._repeated[cycle] = self._repeated[cycle] + 1 if same else 0
        self._recent.append(token)
        if max(self._repeated) >= _CYCLING_TOKENS:
            return "repetition"
        return "length" if self._n_tokens >= self._longest else ""
