"""The token model's transformer over keys and values in one fixed block."""

from voice_agent.engines.chatterbox.t3_weights import EPSILON, HEAD_SIZE, Layer, T3Weights
from voice_agent.engines.chatterbox.tensors import Tensor, functional, torch


def step(weights: T3Weights, hidden: Tensor, cache: Tensor, at: Tensor, length: int) -> Tensor:
    """One new position of every row.

    Args:
        weights: Of the model.
        hidden: [R, C].
        cache: [layers, 2, ≥ R, heads, ≥ length, 64]; the new position is written into it.
        at: int64 [R], the new position of each row, less than `length`.
        length: Positions that are looked at.

    Returns:
        [R, C].
    """
    n_rows = hidden.shape[0]
    cos, sin = weights.cos[at][:, None], weights.sin[at][:, None]
    visible = torch.arange(length, device=at.device) <= at[:, None]
    where = at.view(n_rows, 1, 1, 1).expand(n_rows, weights.n_heads, 1, HEAD_SIZE)
    for number, layer in enumerate(weights.layers):
        split = functional.linear(normalised(hidden, layer.norm_attention), layer.qkv)
        query, key, value = split.view(n_rows, 3, -1, HEAD_SIZE).unbind(1)
        keys, values = cache[number, :, :n_rows].unbind(0)
        keys.scatter_(2, where, _rotated(key, cos, sin)[:, :, None])
        values.scatter_(2, where, value[:, :, None])
        seen = functional.scaled_dot_product_attention(
            _rotated(query, cos, sin)[:, :, None],
            keys[:, :, :length],
            values[:, :, :length],
            attn_mask=visible[:, None, None],
        )
        hidden = hidden + functional.linear(seen.reshape(n_rows, -1), layer.out)
        hidden = hidden + _mlp(normalised(hidden, layer.norm_mlp), layer)
    return hidden


def run(weights: T3Weights, hidden: Tensor, cache: Tensor, *, past: int) -> Tensor:
    """Several new positions of every row.

    Args:
        weights: Of the model.
        hidden: [R, n, C].
        cache: [layers, 2, R, heads, ≥ past + n, 64]; the new positions are written into it.
        past: Positions that are filled.

    Returns:
        [R, n, C].
    """
    n_rows, n_new, _ = hidden.shape
    end = past + n_new
    cos, sin = weights.cos[past:end], weights.sin[past:end]
    at = torch.arange(end, device=hidden.device)
    visible = at <= at[past:, None]
    for number, layer in enumerate(weights.layers):
        split = functional.linear(normalised(hidden, layer.norm_attention), layer.qkv)
        split = split.view(n_rows, n_new, 3, -1, HEAD_SIZE)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        keys, values = cache[number, :, :, :, :end].unbind(0)
        keys[:, :, past:] = _rotated(key, cos, sin)
        values[:, :, past:] = value
        seen = functional.scaled_dot_product_attention(
            _rotated(query, cos, sin), keys, values, attn_mask=visible
        )
        seen = seen.transpose(1, 2).reshape(n_rows, n_new, -1)
        hidden = hidden + functional.linear(seen, layer.out)
        hidden = hidden + _mlp(normalised(hidden, layer.norm_mlp), layer)
    return hidden


def normalised(hidden: Tensor, weight: Tensor) -> Tensor:
    """By the root mean square over the last axis, in float32."""
    wide = hidden.float()
    scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPSILON)
    return (wide * scale).to(hidden.dtype) * weight


def _rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = heads.chunk(2, -1)
    return heads * cos + torch.cat((-second, first), -1) * sin


def _mlp(hidden: Tensor, layer: Layer) -> Tensor:
    gate, up = functional.linear(hidden, layer.gate_up).chunk(2, -1)
    return functional.linear(functional.silu(gate) * up, layer.down)
