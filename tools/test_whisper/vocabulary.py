"""The tokenizer: byte-level BPE of the phone language, with Whisper's special tokens."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.phone_talk import words

_MERGES = 430
"""Enough that most words are one token, few enough that some are two or three."""

_SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)


def make_tokenizer() -> Tokenizer:
    """A tokenizer as in Whisper's English-only models; timestamps are its last tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + _MERGES, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([" " + word for word in words()], trainer)
    times = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
    for token in _SPECIAL:
        tokenizer.add_tokens([AddedToken(token, special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in times])
    return tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """Token numbers by what they mean."""

    tokenizer: Any

    @cached_property
    def words(self) -> dict[str, list[int]]:
        """The tokens of each word with its space."""
        return {word: self.tokenizer.encode(" " + word).ids for word in words()}

    def special(self, name: str) -> int:
        """The token ``<|name|>``."""
        return self.tokenizer.token_to_id(f"<|{name}|>")

    def time(self, seconds: float) -> int:
        """The timestamp nearest to `seconds`."""
        return self.special("0.00") + min(1500, max(0, round(seconds / 0.02)))
