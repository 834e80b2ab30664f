"""Makes text speakable, whole or while it is being written."""

from voice_agent.synthesis.text_normalization.languages.find import rules_for
from voice_agent.synthesis.text_normalization.normalized_text import (
    Budget,
    Edit,
    NormalizedText,
    edited,
    verbatim,
)
from voice_agent.synthesis.text_normalization.passes import rewritten
from voice_agent.synthesis.text_normalization.tokens import Token, Tokenizer


class Normaliser:
    """Gives the speakable form of a text, piece by piece, each as soon as it is sure.

    What it gives, put together, depends on the text alone: not on the deltas it came in.
    The pieces' places in the original are in order and leave out nothing but what is not
    spoken.

    Args:
        language: Code; English, German, French and Spanish have rules of their own, in
            others only markup, addresses and emoji are rewritten.
        rewrite: Leave the text as it is if False, and cut it only.
    """

    def __init__(self, language: str = "en", *, rewrite: bool = True) -> None:
        self._rules = rules_for(language)
        self._rewrite = rewrite
        self._pieces = Tokenizer(language)
        self._budget = Budget()

    @property
    def n_chars(self) -> int:
        """Length of the text so far, as it is written."""
        return self._pieces.n_chars

    def feed(self, delta: str) -> list[NormalizedText]:
        """Adds text; returns what is sure now. Some may be empty: nothing is spoken there."""
        return [self._spoken(piece) for piece in self._pieces.feed(delta)]

    def flush(self) -> list[NormalizedText]:
        """Ends the text; returns the rest."""
        return [self._spoken(piece) for piece in self._pieces.flush()]

    def _spoken(self, piece: Token) -> NormalizedText:
        original = verbatim(piece.text, piece.start)
        if not self._rewrite:
            return original
        if piece.code:
            said = f"{self._rules.code_block}. " if self._rules.code_block else ""
            edit = Edit(0, len(piece.text), "" if piece.code == "inside" else said)
            return edited(original, [edit], self._budget)
        return rewritten(original, self._rules, self._budget, line_start=piece.line_start)


def speakable(text: str, language: str = "en", *, rewrite: bool = True) -> NormalizedText:
    """The speakable form of a whole text.

    Args:
        text: Anything; it may have markup, numbers, addresses, emoji, control characters.
        language: Code.
        rewrite: Leave it as it is if False.

    Returns:
        Empty if nothing in it can be spoken. At most 40 times as long, and at most 15,000
        characters longer. `offsets` leads from each of its characters to the original's.
    """
    if not rewrite:
        return verbatim(text)
    normaliser = Normaliser(language)
    spoken = joined([*normaliser.feed(text), *normaliser.flush()])
    # what is not spoken at the ends belongs to the text all the same
    if not spoken.text:
        return NormalizedText("", [len(text)])
    return NormalizedText(
        spoken.text.rstrip(), [0, *spoken.offsets[1 : len(spoken.text.rstrip())], len(text)]
    )


def joined(pieces: list[NormalizedText]) -> NormalizedText:
    """Neighbouring pieces as one."""
    texts: list[str] = []
    offsets: list[int] = []
    for piece in pieces:
        texts.append(piece.text)
        offsets += piece.offsets[:-1]
    return NormalizedText("".join(texts), [*offsets, pieces[-1].end if pieces else 0])
