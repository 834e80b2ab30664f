"""Phonemes as a voice takes them: numbers with a pad after each."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voice_agent.engines.espeak.questions import Phonemes
from voice_agent.engines.piper.config import BEGIN, END, PAD

_PAUSE = -1
_LETTERS = ("Ll", "Lo", "Lm", "Lu")
_KNOWN_SHARE = 0.8
"""Of a text's phonemes a voice must know so many; what it does not know is left out. English
text has all, a French word in it (`œ̃`) loses a nasal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A clause for the model.

    Attributes:
        ids: What it is given.
        owners: Of each id the number of its word; -1 for pauses and the ends.
        sayable: There is something to say, and the voice knows nearly all of its phonemes.
    """

    ids: Sequence[int]
    owners: Sequence[int]
    sayable: bool


def coded(phonemes: Phonemes, table: Mapping[str, Sequence[int]]) -> Coded:
    """Numbers of a clause: begin, each phoneme with a pad after it, end.

    Args:
        phonemes: From espeak-ng.
        table: Ids of each phoneme.
    """
    pad = table[PAD]
    ids, owners = [*table[BEGIN], *pad], [_PAUSE] * (len(table[BEGIN]) + len(pad))
    n_letters = n_known = 0
    for phoneme, owner in zip(phonemes.ipa, phonemes.owners, strict=True):
        known = phoneme in table
        if unicodedata.category(phoneme) in _LETTERS:
            n_letters += 1
            n_known += known
        if known:
            more = [*table[phoneme], *pad]
            ids += more
            owners += [owner] * len(more)
    ids += table[END]
    owners += [_PAUSE] * len(table[END])
    sayable = n_known > 0 and n_known >= _KNOWN_SHARE * n_letters
    return Coded(ids=ids, owners=owners, sayable=sayable)
