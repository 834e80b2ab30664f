"""The token model's transformer over keys and values in one fixed block: Llama's or GPT-2's."""

from voice_agent.engines.chatterbox.t3_weights import EPSILON, HEAD_SIZE, Layer, Matrix, T3Weights
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
    hidden, turn = _placed(weights, hidden, at)
    turn = turn and (turn[0][:, None], turn[1][:, None])
    visible = torch.arange(length, device=at.device) <= at[:, None]
    where = at.view(n_rows, 1, 1, 1).expand(n_rows, weights.n_heads, 1, HEAD_SIZE)
    for number, layer in enumerate(weights.layers):
        split = functional.linear(normalised(hidden, layer.norm_attention), *layer.qkv)
        query, key, value = split.view(n_rows, 3, -1, HEAD_SIZE).unbind(1)
        keys, values = cache[number, :, :n_rows].unbind(0)
        keys.scatter_(2, where, _turned(key, turn)[:, :, None])
        values.scatter_(2, where, value[:, :, None])
        seen = functional.scaled_dot_product_attention(
            _turned(query, turn)[:, :, None],
            keys[:, :, :length],
            values[:, :, :length],
            attn_mask=visible[:, None, None],
        )
        hidden = hidden + functional.linear(seen.reshape(n_rows, -1), *layer.out)
        hidden = hidden + _mlp(normalised(hidden, layer.norm_mlp), layer, gated=weights.gated)
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
    at = torch.arange(end, device=hidden.device)
    hidden, turn = _placed(weights, hidden, at[past:])
    visible = at <= at[past:, None]
    for number, layer in enumerate(weights.layers):
        split = functional.linear(normalised(hidden, layer.norm_attention), *layer.qkv)
        split = split.view(n_rows, n_new, 3, -1, HEAD_SIZE)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        keys, values = cache[number, :, :, :, :end].unbind(0)
        keys[:, :, past:] = _turned(key, turn)
        values[:, :, past:] = value
        seen = functional.scaled_dot_product_attention(
            _turned(query, turn), keys, values, attn_mask=visible
        )
        seen = seen.transpose(1, 2).reshape(n_rows, n_new, -1)
        hidden = hidden + functional.linear(seen, *layer.out)
        hidden = hidden + _mlp(normalised(hidden, layer.norm_mlp), layer, gated=weights.gated)
    return hidden


def normalised(hidden: Tensor, norm: Matrix) -> Tensor:
    """GPT-2's norm of a layer; without a bias Llama's, by the root mean square in float32."""
    weight, bias = norm
    if bias is not None:
        return functional.layer_norm(hidden, weight.shape, weight, bias, EPSILON)
    wide = hidden.float()
    scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPSILON)
    return (wide * scale).to(hidden.dtype) * weight


def _placed(
    weights: T3Weights, hidden: Tensor, at: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
    """Tells it where it is: GPT-2 by a learned vector, Llama by how its heads are turned."""
    if weights.rotary is None:
        assert weights.position is not None
        return hidden + weights.position[at], None
    cos, sin = weights.rotary
    return hidden, (cos[at], sin[at])


def _turned(heads: Tensor, turn: tuple[Tensor, Tensor] | None) -> Tensor:
    if turn is None:
        return heads
    cos, sin = turn
    first, second = heads.chunk(2, -1)
    return heads * cos + torch.cat((-second, first), -1) * sin


def _mlp(hidden: Tensor, layer: Layer, *, gated: bool) -> Tensor:
    widened = functional.linear(hidden, *layer.up)
    if gated:
        gate, up = widened.chunk(2, -1)
        return functional.linear(functional.silu(gate) * up, *layer.down)
    return functional.linear(functional.gelu(widened, approximate="tanh"), *layer.down)
