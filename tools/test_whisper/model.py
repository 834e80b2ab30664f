"""Whisper's architecture in torch, with what training needs to see of the inside."""

from dataclasses import dataclass
from typing import Any

import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

MELS = 80
SOURCE_POSITIONS = 1500
TARGET_POSITIONS = 448


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the model is; the rest is as in every Whisper."""

    vocabulary: int
    width: int = 128
    heads: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 3


def sinusoids(length: int, width: int) -> Any:
    """Whisper's fixed encoder positions, [length, width]."""
    step = torch.log(torch.tensor(10_000.0)) / (width // 2 - 1)
    angles = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(width // 2))[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class _SelfAttention(nn.Module):
    def __init__(self, size: Size, causal: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size.width)
        self.inward = nn.Linear(size.width, 3 * size.width)
        self.outward = nn.Linear(size.width, size.width)
        self._heads, self._causal = size.heads, causal

    def forward(self, x: Any) -> Any:
        query, key, value = (
            _split(part, self._heads) for part in self.inward(self.norm(x)).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=self._causal)
        return self.outward(mixed.transpose(1, 2).flatten(2))


class _CrossAttention(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size.width)
        self.query = nn.Linear(size.width, size.width)
        self.source = nn.Linear(size.width, 2 * size.width)
        self.outward = nn.Linear(size.width, size.width)
        self._heads = size.heads

    def forward(self, x: Any, source: Any) -> tuple[Any, Any]:
        """The mix, and log attention of the first head [batch, target, source]."""
        query = _split(self.query(self.norm(x)), self._heads)
        key, value = (_split(part, self._heads) for part in self.source(source).chunk(2, dim=-1))
        scores = query @ key.transpose(2, 3) / query.size(-1) ** 0.5
        mixed = scores.softmax(-1) @ value
        return self.outward(mixed.transpose(1, 2).flatten(2)), scores[:, 0].log_softmax(-1)


class _FeedForward(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size.width)
        self.inward = nn.Linear(size.width, 4 * size.width)
        self.outward = nn.Linear(4 * size.width, size.width)

    def forward(self, x: Any) -> Any:
        return self.outward(functional.gelu(self.inward(self.norm(x))))


class _EncoderLayer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.attention = _SelfAttention(size, causal=False)
        self.feed_forward = _FeedForward(size)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(x)
        return x + self.feed_forward(x)


class _DecoderLayer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.attention = _SelfAttention(size, causal=True)
        self.cross_attention = _CrossAttention(size)
        self.feed_forward = _FeedForward(size)

    def forward(self, x: Any, source: Any) -> tuple[Any, Any]:
        x = x + self.attention(x)
        mixed, log_attention = self.cross_attention(x, source)
        x = x + mixed
        return x + self.feed_forward(x), log_attention


class Encoder(nn.Module):
    """Log-mel frames at 100 Hz to states at 50 Hz, for any length up to 30 s."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MELS, size.width, 3, padding=1)
        self.conv2 = nn.Conv1d(size.width, size.width, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(_EncoderLayer(size) for _ in range(size.encoder_layers))
        self.norm = nn.LayerNorm(size.width)
        self.register_buffer("positions", sinusoids(SOURCE_POSITIONS, size.width), persistent=False)

    def forward(self, mels: Any) -> tuple[Any, Any]:
        """States [batch, time, width] after the last layer, and halfway up."""
        x = functional.gelu(self.conv1(mels))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        x = x + self.positions[: x.size(1)]
        halfway = x
        for index, layer in enumerate(self.layers, 1):
            x = layer(x)
            halfway = x if index == len(self.layers) // 2 else halfway
        return self.norm(x), halfway


class Decoder(nn.Module):
    """Tokens to scores of the next ones; embedding and output share their weights."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size.vocabulary, size.width)
        self.positions = nn.Parameter(0.02 * torch.randn(TARGET_POSITIONS, size.width))
        self.layers = nn.ModuleList(_DecoderLayer(size) for _ in range(size.decoder_layers))
        self.norm = nn.LayerNorm(size.width)
        nn.init.normal_(self.embedding.weight, std=0.05)

    def forward(self, tokens: Any, source: Any) -> tuple[Any, Any]:
        """Scores, and log attention of the first head of each layer."""
        x = self.embedding(tokens) + self.positions[: tokens.size(1)]
        log_attentions = []
        for layer in self.layers:
            x, log_attention = layer(x, source)
            log_attentions.append(log_attention)
        return self.norm(x) @ self.embedding.weight.T, log_attentions


class Whisper(nn.Module):
    """Encoder, decoder, and two heads that only training uses.

    Attributes:
        phone_head: From states halfway up the encoder to the speech sound of each frame.
        word_head: From its last states to the word of each frame.
    """

    def __init__(self, size: Size, n_phones: int, n_words: int, first_timestamp: int) -> None:
        super().__init__()
        self.size = size
        self.encoder, self.decoder = Encoder(size), Decoder(size)
        self.phone_head = nn.Linear(size.width, n_phones)
        self.word_head = nn.Linear(size.width, n_words)
        with torch.no_grad():  # times next to each other look alike, as the frames they name
            times = sinusoids(SOURCE_POSITIONS + 1, size.width)
            self.decoder.embedding.weight[first_timestamp:] = 0.07 * times


def _split(x: Any, heads: int) -> Any:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)
