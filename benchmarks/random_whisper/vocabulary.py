"""Whisper's tokenizer, rebuilt offline from published ranks, or a small one of our own.

The real one is made of the ranks that the source distribution of `openai-whisper` carries
(0.8 MB, from whichever package index pip is set to). It gives the same ids as the original.
"""

import base64
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

_SDIST = "openai-whisper==20250625"
_DOWNLOAD_TIMEOUT_S = 300
# what GPT-2 calls a word, before bytes are merged inside it
_WORD = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
# that a vocabulary has this token tells CTranslate2 (4.8) that a model is multilingual
_MULTILINGUAL_MARK = ""
_TIMESTAMPS = 1501
_TIMESTAMP_S = 0.02
# in the order of their ids; the last one came with large-v3
_CODES = """
    en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th
    ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr
    pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt
    haw ln ha ba jw su yue
"""
LANGUAGES = tuple(_CODES.split())


def real(n_languages: int, cache: Path) -> Tokenizer:
    """The tokenizer of the multilingual models.

    Args:
        n_languages: 99, or 100 for large-v3 and turbo.
        cache: Folder that keeps what was fetched and made; it is created.

    Raises:
        RuntimeError: The ranks could not be fetched; pip's output is in the message.
    """
    made = cache / f"whisper-{n_languages}.json"
    if not made.is_file():
        ranks = _ranks(cache)
        merges = [(_letters(a), _letters(b)) for a, b in _merges(ranks)]
        vocabulary = {_letters(token): rank for token, rank in ranks.items()}
        _tokenizer(vocabulary, merges, n_languages).save(str(made))
    return Tokenizer.from_file(str(made))


def small(text: str, *, multilingual: bool) -> Tokenizer:
    """A tokenizer to which the words of `text` are one token each; all else are bytes.

    Args:
        text: Begins with a space, as Whisper's texts do.
        multilingual: What CTranslate2 is to take the model for.
    """
    # faster-whisper suppresses the first token of these: it must not be the space alone
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text + " - '")
    merges: list[tuple[str, str]] = []
    tokens = [_letters(bytes([byte])) for byte in range(256)]
    for word in dict.fromkeys(piece for piece, _ in pieces):
        for end in range(1, len(word)):
            if word[: end + 1] not in tokens:
                tokens.append(word[: end + 1])
                merges.append((word[:end], word[end]))
    tokens += [_MULTILINGUAL_MARK] if multilingual else []
    return _tokenizer({token: n for n, token in enumerate(tokens)}, merges, 99)


def _tokenizer(
    vocabulary: dict[str, int], merges: list[tuple[str, str]], n_languages: int
) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    words = pre_tokenizers.Split(Regex(_WORD), behavior="isolated")
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, letters])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(
        # times are no special tokens in published files: decoding keeps them
        [
            AddedToken(t, special=not t[2].isdigit(), normalized=False)
            for t in _specials(n_languages)
        ]
    )
    return tokenizer


def _specials(n_languages: int) -> list[str]:
    names = ["endoftext", "startoftranscript", *LANGUAGES[:n_languages], "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    names += [f"{n * _TIMESTAMP_S:.2f}" for n in range(_TIMESTAMPS)]
    return [f"<|{name}|>" for name in names]


def _ranks(cache: Path) -> dict[bytes, int]:
    """Tokens and their ranks; a lower one is merged earlier."""
    with tarfile.open(_sdist(cache)) as archive:
        name = next(n for n in archive.getnames() if n.endswith("assets/multilingual.tiktoken"))
        member = archive.extractfile(name)
        assert member is not None
        lines = member.read().split(b"\n")
    pairs = (line.split() for line in lines if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def _sdist(cache: Path) -> Path:
    found = sorted(cache.glob("openai_whisper-*.tar.gz"))
    if not found:
        cache.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
        done = subprocess.run(
            [*pip, "--dest", cache, _SDIST],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_TIMEOUT_S,
        )
        if done.returncode:
            raise RuntimeError(f"{_SDIST} could not be fetched, put it into {cache}: {done.stderr}")
        found = sorted(cache.glob("openai_whisper-*.tar.gz"))
    return found[-1]


def _merges(ranks: dict[bytes, int]) -> Iterable[tuple[bytes, bytes]]:
    """The two parts of which each token is merged.

    Ranks alone are published. Merging a token's bytes as far as lower ranks allow leaves
    the two parts that its own rank joins.
    """
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = [token[n : n + 1] for n in range(len(token))]
        while len(parts) > 2:
            joined = [ranks.get(a + b, rank) for a, b in pairwise(parts)]
            at = min(range(len(joined)), key=joined.__getitem__)
            if joined[at] >= rank:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        if len(parts) == 2:
            yield parts[0], parts[1]


def _letters(token: bytes) -> str:
    """A token as byte-level tokenizers write it: every byte is one printable letter."""
    return "".join(_ALPHABET[byte] for byte in token)


def _alphabet() -> list[str]:
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    # the others are written with the letters from 256 on, in order
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


_ALPHABET = _alphabet()
