"""Random weights of Whisper's shapes, written as CTranslate2 reads them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ctranslate2.specs.whisper_spec import WhisperSpec
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.random_whisper import vocabulary as vocabularies

Weights = NDArray[np.float32]
Vocabulary = Literal["real", "small", "english"]

DEFAULT_CACHE = Path.home() / ".cache" / "voice-agent"

_ENCODER_POSITIONS = 1500  # 30 s
_DECODER_POSITIONS = 448
_MAX_TIMESCALE = 10_000
_SCALE = 0.02  # standard deviation of the weights
# Under a script the random blocks of the decoder may not drown it,
_QUIET = 1e-3
# the next token stands this much above the one just said,
_SCRIPT_GAIN = 6.0
# and the logits are so far apart that no search and no temperature changes the text.
_PEAK = 30.0
_SECONDS_PER_TOKEN = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Shape of a model.

    Attributes:
        width: Of all layers; the feed-forward ones are four times as wide.
        encoder_layers: Their number.
        decoder_layers: Their number.
        heads: Of each attention.
        alignment_heads: How many of them tell word times; which ones is made up here.
        mels: Bands of the spectrogram.
        languages: Their number.
    """

    width: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    alignment_heads: int = 10
    mels: int = 80
    languages: int = 99


SIZES = {
    # no published one: as small as makes sense, for tests
    "micro": Size(width=64, encoder_layers=2, decoder_layers=2, heads=4, alignment_heads=4),
    "tiny": Size(width=384, encoder_layers=4, decoder_layers=4, heads=6, alignment_heads=6),
    "base": Size(width=512, encoder_layers=6, decoder_layers=6, heads=8, alignment_heads=8),
    "small": Size(width=768, encoder_layers=12, decoder_layers=12, heads=12),
    "turbo": Size(
        width=1280,
        encoder_layers=32,
        decoder_layers=4,
        heads=20,
        alignment_heads=6,
        mels=128,
        languages=100,
    ),
    "large-v3": Size(
        width=1280, encoder_layers=32, decoder_layers=32, heads=20, mels=128, languages=100
    ),
}


def build(
    size: str,
    folder: Path,
    *,
    script: str | None = None,
    seed: int = 0,
    quantization: str = "int8",
    vocabulary: Vocabulary = "real",
    cache: Path = DEFAULT_CACHE,
) -> Path:
    """Writes a checkpoint that faster-whisper and CTranslate2 load.

    Args:
        size: A key of `SIZES`.
        folder: Where it goes; created, and overwritten if it holds one.
        script: What the model says to any audio, in any language it is asked for, until
            the prompt holds more than the task: no text before, no hotwords. It takes
            itself for English if it is not told the language. None leaves it noise.
        seed: The same seed gives the same file.
        quantization: `int8`, `int8_float16`, `float16` or `float32`.
        vocabulary: `real`, which is fetched once; `small`, which needs no network; or
            `english`, the same for a model of one language.
        cache: Folder that keeps what `real` fetched.

    Returns:
        The folder.

    Raises:
        RuntimeError: The real vocabulary could not be fetched.
        ValueError: The script is too long for the decoder.
    """
    shape = SIZES[size]
    text = f" {(script or '').strip()}"
    if vocabulary == "real":
        tokenizer = vocabularies.real(shape.languages, cache)
    else:
        tokenizer = vocabularies.small(text, multilingual=vocabulary == "small")
    weights = _RandomWeights(shape, seed)
    spec = WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)
    weights.fill_encoder(spec.encoder)
    weights.fill_decoder(spec.decoder, tokenizer.get_vocab_size())
    if script is not None:
        prompt = [] if vocabulary == "english" else ["<|en|>", "<|transcribe|>"]
        _teach(spec.decoder, [_id(tokenizer, token) for token in prompt] + _says(tokenizer, text))
    _configure(spec, shape, tokenizer, multilingual=vocabulary != "english")
    spec.validate()
    spec.optimize(quantization=None if quantization == "float32" else quantization)
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps(_preprocessor(shape), indent=1))
    return folder


class _RandomWeights:
    """Fills the parts of a specification; `Any`, because CTranslate2 has no types."""

    def __init__(self, shape: Size, seed: int) -> None:
        self._shape = shape
        self._random = np.random.default_rng(seed)

    def fill_encoder(self, encoder: Any) -> None:
        """All of it."""
        width = self._shape.width
        encoder.conv1.weight, encoder.conv1.bias = (
            self._draw(width, self._shape.mels, 3),
            _zeros(width),
        )
        encoder.conv2.weight, encoder.conv2.bias = self._draw(width, width, 3), _zeros(width)
        encoder.position_encodings.encodings = _sinusoids(_ENCODER_POSITIONS, width)
        self._norm(encoder.layer_norm)
        for layer in encoder.layer:
            self._attention(layer.self_attention, 3, 1)
            self._feed_forward(layer.ffn)

    def fill_decoder(self, decoder: Any, n_tokens: int) -> None:
        """All of it; what it hears as tokens and what it says share their weights."""
        decoder.embeddings.weight = self._draw(n_tokens, self._shape.width)
        decoder.projection.weight = decoder.embeddings.weight
        decoder.position_encodings.encodings = self._draw(_DECODER_POSITIONS, self._shape.width)
        self._norm(decoder.layer_norm)
        for layer in decoder.layer:
            self._attention(layer.self_attention, 3, 1)
            self._attention(layer.attention, 1, 2, 1)
            self._feed_forward(layer.ffn)

    def _draw(self, *shape: int) -> Weights:
        drawn = self._random.standard_normal(shape, dtype=np.float32)
        drawn *= _SCALE
        return drawn

    def _norm(self, part: Any) -> None:
        part.gamma, part.beta = np.ones(self._shape.width, np.float32), _zeros(self._shape.width)

    def _linear(self, part: Any, n_out: int, n_in: int) -> None:
        part.weight, part.bias = self._draw(n_out, n_in), _zeros(n_out)

    def _attention(self, part: Any, *outputs: int) -> None:
        """Args: how many times its width each of its linear layers gives."""
        self._norm(part.layer_norm)
        for linear, times in zip(part.linear, outputs, strict=True):
            self._linear(linear, times * self._shape.width, self._shape.width)

    def _feed_forward(self, part: Any) -> None:
        self._norm(part.layer_norm)
        self._linear(part.linear_0, 4 * self._shape.width, self._shape.width)
        self._linear(part.linear_1, self._shape.width, 4 * self._shape.width)


def _zeros(n: int) -> Weights:
    return np.zeros(n, np.float32)


def _sinusoids(n_positions: int, width: int) -> Weights:
    """Whisper's fixed encoding of positions."""
    step = np.log(_MAX_TIMESCALE) / (width // 2 - 1)
    angles = np.outer(np.arange(n_positions), np.exp(-step * np.arange(width // 2)))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def _id(tokenizer: Tokenizer, token: str) -> int:
    found = tokenizer.token_to_id(token)
    assert found is not None, token
    return found


def _says(tokenizer: Tokenizer, text: str) -> list[int]:
    """What a model answers that says `text`: a time, the words, a time, the end."""
    words: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    first = _id(tokenizer, "<|0.00|>")
    end_s = min(30.0, max(0.5, len(words) * _SECONDS_PER_TOKEN))
    end = _id(tokenizer, f"<|{end_s:.2f}|>")
    return [first, *words, end, _id(tokenizer, "<|endoftext|>")]


def _teach(decoder: Any, says: Sequence[int]) -> None:
    """Makes each position of the decoder want the next token of `says`.

    A position and not the words before decide, so a forced beginning is gone on with.
    """
    positions, embeddings = decoder.position_encodings.encodings, decoder.embeddings.weight
    if len(says) > len(positions):
        raise ValueError(f"the script has {len(says)} tokens; the decoder has {len(positions)}")
    last = says[-1]
    for n in range(len(positions)):
        positions[n] += _SCRIPT_GAIN * embeddings[says[n] if n < len(says) else last]
    decoder.layer_norm.gamma[:] = _PEAK / (_SCALE * embeddings.shape[1])
    for layer in decoder.layer:
        outputs = layer.self_attention.linear[-1], layer.attention.linear[-1], layer.ffn.linear_1
        for linear in outputs:
            linear.weight *= _QUIET


def _configure(spec: Any, shape: Size, tokenizer: Tokenizer, *, multilingual: bool) -> None:
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    spec.register_vocabulary([token for token, _ in tokens])
    spec.config.suppress_ids = []  # callers pass their own
    blank = tokenizer.encode(" ").ids[0]
    spec.config.suppress_ids_begin = [blank, _id(tokenizer, "<|endoftext|>")]
    languages = vocabularies.LANGUAGES[: shape.languages] if multilingual else ()
    spec.config.lang_ids = [_id(tokenizer, f"<|{language}|>") for language in languages]
    # spread over the upper half of the decoder, as the true ones are
    first = shape.decoder_layers // 2
    upper = [(at, head) for at in range(first, shape.decoder_layers) for head in range(shape.heads)]
    step = len(upper) // shape.alignment_heads
    spec.config.alignment_heads = upper[::step][: shape.alignment_heads]


def _preprocessor(shape: Size) -> dict[str, Any]:
    """What faster-whisper reads of ``preprocessor_config.json``."""
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "feature_size": shape.mels,
        "sampling_rate": 16_000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
        "n_samples": 480_000,
        "nb_max_frames": 3000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }
