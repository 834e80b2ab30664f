"""The encoder's attention with relative positions, without its copies.

The stock layer computes scores for all 2T - 1 distances of every row, pads them and copies
them three times to shift them into place. Here the shift is a view, and the rest is one fused
attention.
"""

import math
from collections.abc import Sequence
from typing import Any

from voice_agent.engines.chatterbox.tensors import Tensor, functional


def run_layers(layers: Sequence[Any], hidden: Tensor, there: Tensor, where: Tensor) -> Tensor:
    """Runs stock encoder layers.

    Args:
        layers: Of the stock class, normalised before, without convolutions.
        hidden: [N, T, C].
        there: bool [N, 1, T], which places are filled.
        where: [1, 2T - 1, C], embeddings of distances, the largest first.

    Returns:
        [N, T, C].
    """
    for layer in layers:
        hidden = hidden + _attend(layer.self_attn, layer.norm_mha(hidden), there, where)
        hidden = hidden + layer.feed_forward(layer.norm_ff(hidden))
    return hidden


def _attend(attention: Any, hidden: Tensor, there: Tensor, where: Tensor) -> Tensor:
    n_rows, n_places, _ = hidden.shape
    n_heads, size = attention.h, attention.d_k

    def split(mixed: Tensor) -> Tensor:
        return mixed.view(n_rows, n_places, n_heads, size)

    query = split(attention.linear_q(hidden))
    key = split(attention.linear_k(hidden)).transpose(1, 2)
    value = split(attention.linear_v(hidden)).transpose(1, 2)
    distances = attention.linear_pos(where).view(-1, n_heads, size).permute(1, 2, 0)
    by_distance = (query + attention.pos_bias_v).permute(2, 0, 1, 3)
    scores = by_distance.reshape(n_heads, n_rows * n_places, size) @ distances
    # row t begins at distance T - 1 - t: one place further left in each row
    width = 2 * n_places - 1
    shifted = scores.as_strided(
        (n_rows, n_heads, n_places, n_places),
        (n_places * width, n_rows * n_places * width, width - 1, 1),
        n_places - 1,
    )
    bias = shifted / math.sqrt(size)
    bias = bias.masked_fill(~there[:, None], float("-inf"))
    content = (query + attention.pos_bias_u).transpose(1, 2)
    seen = functional.scaled_dot_product_attention(content, key, value, attn_mask=bias)
    seen = seen.transpose(1, 2).reshape(n_rows, n_places, -1)
    return attention.linear_out(seen)
