"""The decoder's network, channels last, with its attention fused and no loop of its own.

Computes with the stock weights what the stock forward computes for the frames that a row has.
That one reads masks on the host, turns the tensor around twenty-eight times, and multiplies
by a mask before and after every convolution; but the network looks at frames behind only
(all its convolutions are causal), so what stands behind a short row's end reaches none of its
frames except through attention, which does not see it.
"""

from typing import Any

from voice_agent.engines.chatterbox.tensors import Tensor, functional, torch

_HEAD_SIZE = 64


class Estimator:
    """One evaluation of the decoder's network.

    Args:
        stock: The stock network; its weights are used, cast in place.
        dtype: To compute in.
    """

    def __init__(self, stock: Any, dtype: Any) -> None:
        if len(stock.down_blocks) != 1 or not stock.causal:
            raise ValueError("the network has more than one resolution, or looks ahead")
        self._stock = stock.to(dtype)
        self._dtype = dtype
        self._mixes_times = getattr(stock, "time_embed_mixer", None) is not None
        blocks = [stock.down_blocks[0], *stock.mid_blocks, stock.up_blocks[0]]
        self._resnets = [_Resnet(block[0]) for block in blocks]
        self._transformers = [[_Transformer(t) for t in block[1]] for block in blocks]
        self._after_first = _CausalConvolution(stock.down_blocks[0][2])
        self._after_last = _CausalConvolution(stock.up_blocks[0][2])
        self._final = _Block(stock.final_block)
        self._out = _CausalConvolution(stock.final_proj)

    def __call__(
        self,
        state: Tensor,
        encoded: Tensor,
        speaker: Tensor,
        prompt: Tensor,
        visible: Tensor | None,
        *,
        now: Tensor,
        then: Tensor,
    ) -> Tensor:
        """The slope, [R, 80, T]; arguments as in `FlowBatch`, of R rows.

        Args:
            state: See there.
            encoded: See there.
            speaker: See there.
            prompt: See there.
            visible: bool [R, 1, 1, T], which frames a row has; None for all. The slope of
                others means nothing.
            now: The time, float32 scalar.
            then: Where the step goes; only a network that was distilled looks at it.
        """
        spread = speaker[:, :, None].expand(-1, -1, state.shape[2])
        hidden = torch.cat([state, encoded, spread, prompt], 1).to(self._dtype)
        hidden = hidden.transpose(1, 2).contiguous()
        time = self._time(now)
        if self._mixes_times:
            time = self._stock.time_embed_mixer(torch.cat([time, self._time(then)], 1))
        last = len(self._resnets) - 1
        skipped = None
        for i, resnet in enumerate(self._resnets):
            if i == last:
                hidden = torch.cat([hidden, skipped], 2)
            hidden = resnet(hidden, time)
            for transformer in self._transformers[i]:
                hidden = transformer(hidden, visible)
            if i == 0:
                skipped = hidden
                hidden = self._after_first(hidden)
        return self._out(self._final(self._after_last(hidden))).transpose(1, 2)

    def _time(self, when: Tensor) -> Tensor:
        stock = self._stock
        return stock.time_mlp(stock.time_embeddings(when[None]).to(self._dtype))


class _CausalConvolution:
    """A stock convolution as one matrix product; [R, T, C] → [R, T, C']."""

    def __init__(self, stock: Any) -> None:
        self._width = stock.weight.shape[2]
        self._matrix = stock.weight.permute(0, 2, 1).flatten(1).contiguous()
        self._bias = stock.bias

    def __call__(self, hidden: Tensor) -> Tensor:
        if self._width > 1:
            n_frames = hidden.shape[1]
            padded = functional.pad(hidden, (0, 0, self._width - 1, 0))
            hidden = torch.cat([padded[:, i : i + n_frames] for i in range(self._width)], 2)
        return functional.linear(hidden, self._matrix, self._bias)


class _Block:
    """A stock block: convolution, normalisation, Mish."""

    def __init__(self, stock: Any) -> None:
        convolution, _, self._norm, *_ = stock.block
        self._convolution = _CausalConvolution(convolution)

    def __call__(self, hidden: Tensor) -> Tensor:
        return functional.mish(self._norm(self._convolution(hidden)))


class _Resnet:
    """Two stock blocks with the time between them, and a way round them."""

    def __init__(self, stock: Any) -> None:
        self._first, self._second = _Block(stock.block1), _Block(stock.block2)
        self._round = _CausalConvolution(stock.res_conv)
        self._mlp = stock.mlp

    def __call__(self, hidden: Tensor, time: Tensor) -> Tensor:
        inner = self._first(hidden) + self._mlp(time)[:, None]
        return self._second(inner) + self._round(hidden)


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
