"""The decoder's network with its attention fused and no loop of its own.

Drives the stock modules; the stock forward reads masks on the host and converts them at
every block.
"""

from typing import Any

from voice_agent.engines.chatterbox.tensors import Tensor, functional, torch

_HEAD_SIZE = 64


class Estimator:
    """One evaluation of the decoder's network, its attention fused.

    Args:
        stock: The stock network; its convolutions are used, cast in place.
        dtype: To compute in.
    """

    def __init__(self, stock: Any, dtype: Any) -> None:
        if len(stock.down_blocks) != 1:
            raise ValueError("the network has more than one resolution")
        self._stock = stock.to(dtype)
        self._dtype = dtype
        self._mixes_times = getattr(stock, "time_embed_mixer", None) is not None
        blocks = [stock.down_blocks[0], *stock.mid_blocks, stock.up_blocks[0]]
        self._transformers = [[_Transformer(t) for t in block[1]] for block in blocks]

    def __call__(
        self,
        state: Tensor,
        encoded: Tensor,
        speaker: Tensor,
        prompt: Tensor,
        frames: Tensor,
        *,
        now: Tensor,
        then: Tensor,
        padded: bool,
    ) -> Tensor:
        """The slope, [R, 80, T]; arguments as in `FlowBatch`, of R rows.

        Args:
            state: See there.
            encoded: See there.
            speaker: See there.
            prompt: See there.
            frames: See there.
            now: The time, float32 scalar.
            then: Where the step goes; only a network that was distilled looks at it.
            padded: Whether attention needs the mask.
        """
        stock, dtype = self._stock, self._dtype
        n_frames = state.shape[2]
        spread = speaker[:, :, None].expand(-1, -1, n_frames)
        hidden = torch.cat([state, encoded, spread, prompt], 1).to(dtype)
        there = frames.to(dtype)
        visible = frames[:, None] if padded else None
        time = self._time(now)
        if self._mixes_times:
            time = stock.time_embed_mixer(torch.cat([time, self._time(then)], 1))
        last = len(self._transformers) - 1
        skipped = None
        for i, transformers in enumerate(self._transformers):
            if i == last:
                hidden = torch.cat([hidden, skipped], 1)
            hidden = self._resnet(i)(hidden, there, time)
            hidden = hidden.transpose(1, 2).contiguous()
            for transformer in transformers:
                hidden = transformer(hidden, visible)
            hidden = hidden.transpose(1, 2)
            if i == 0:
                skipped = hidden
                hidden = stock.down_blocks[0][2](hidden * there)
        hidden = stock.up_blocks[0][2](hidden * there)
        hidden = stock.final_block(hidden, there)
        return stock.final_proj(hidden * there) * there

    def _time(self, when: Tensor) -> Tensor:
        stock = self._stock
        return stock.time_mlp(stock.time_embeddings(when[None]).to(self._dtype))

    def _resnet(self, number: int) -> Any:
        stock = self._stock
        blocks = [stock.down_blocks[0], *stock.mid_blocks, stock.up_blocks[0]]
        return blocks[number][0]


class _Transformer:
    """One stock transformer block with one matrix for queries, keys and values."""

    def __init__(self, stock: Any) -> None:
        attention = stock.attn1
        self._stock = stock
        self._qkv = torch.cat([attention.to_q.weight, attention.to_k.weight, attention.to_v.weight])
        self._out = attention.to_out[0]

    def __call__(self, hidden: Tensor, visible: Tensor | None) -> Tensor:
        """[R, T, C] → [R, T, C]; `visible` is bool [R, 1, 1, T], or None for all."""
        stock = self._stock
        n_rows, n_frames, _ = hidden.shape
        mixed = functional.linear(stock.norm1(hidden), self._qkv)
        split = mixed.view(n_rows, n_frames, 3, -1, _HEAD_SIZE)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        hidden = hidden + self._out(seen.transpose(1, 2).reshape(n_rows, n_frames, -1))
        return hidden + stock.ff(stock.norm3(hidden))
