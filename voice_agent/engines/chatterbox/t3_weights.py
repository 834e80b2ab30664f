"""The token model's weights as the engine uses them: fused, in one precision, on one device."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from voice_agent.engines.chatterbox.spec import EngineSpec
from voice_agent.engines.chatterbox.tensors import Tensor, torch
from voice_agent.engines.chatterbox.weights import State, build, count_of, part_of

HEAD_SIZE = 64
"""Of every attention head, in all sizes of the model."""

_ROPE: Mapping[str, Any] = {
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
}
EPSILON = 1e-5
"""Of the normalisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of the transformer; matrices are [out, in].

    Attributes:
        norm_attention: [C].
        qkv: Queries, keys and values, [3 · heads · 64, C].
        out: [C, heads · 64].
        norm_mlp: [C].
        gate_up: [2 · M, C].
        down: [C, M].
    """

    norm_attention: Tensor
    qkv: Tensor
    out: Tensor
    norm_mlp: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class T3Weights:
    """All of the token model.

    Attributes:
        layers: The transformer.
        norm: Of its output, [C].
        head: To logits of the ids that may be drawn, [V, C] with V = `stop_speech` + 1.
        speech: Embeddings of speech ids, [ids, C].
        speech_position: [positions, C].
        text: Embeddings of text ids, [ids, C].
        text_position: [positions, C].
        cos: Rotary, [positions, 64].
        sin: Rotary, [positions, 64].
        conditioner: The stock module that makes the prefix of a voice, in float32.
    """

    layers: tuple[Layer, ...]
    norm: Tensor
    head: Tensor
    speech: Tensor
    speech_position: Tensor
    text: Tensor
    text_position: Tensor
    cos: Tensor
    sin: Tensor
    conditioner: Any

    @property
    def n_heads(self) -> int:
        """Attention heads of a layer."""
        return int(self.layers[0].out.shape[1]) // HEAD_SIZE


def read_t3(
    state: State, spec: EngineSpec, *, device: str, dtype: Any, positions: int
) -> T3Weights:
    """Makes the engine's weights from a checkpoint's.

    Args:
        state: Of the stock class.
        spec: Which model.
        device: Where to.
        dtype: Of the transformer.
        positions: Longest sequence, for the rotary tables.
    """

    def moved(*names: str) -> Tensor:
        joined = torch.cat([state[name].to(device=device, dtype=dtype) for name in names])
        return joined.contiguous()

    layers: list[Layer] = []
    for number in range(count_of(state, "tfmr.layers")):
        at = f"tfmr.layers.{number}"
        layers.append(
            Layer(
                norm_attention=moved(f"{at}.input_layernorm.weight"),
                qkv=moved(*(f"{at}.self_attn.{name}_proj.weight" for name in "qkv")),
                out=moved(f"{at}.self_attn.o_proj.weight"),
                norm_mlp=moved(f"{at}.post_attention_layernorm.weight"),
                gate_up=moved(f"{at}.mlp.gate_proj.weight", f"{at}.mlp.up_proj.weight"),
                down=moved(f"{at}.mlp.down_proj.weight"),
            )
        )
    cos, sin = _rotary(positions)
    return T3Weights(
        layers=tuple(layers),
        norm=moved("tfmr.norm.weight"),
        head=moved("speech_head.weight")[: spec.stop_speech + 1].contiguous(),
        speech=moved("speech_emb.weight"),
        speech_position=moved("speech_pos_emb.emb.weight"),
        text=moved("text_emb.weight"),
        text_position=moved("text_pos_emb.emb.weight"),
        cos=cos.to(device=device, dtype=dtype),
        sin=sin.to(device=device, dtype=dtype),
        conditioner=_conditioner(part_of(state, "cond_enc"), device),
    )


def _rotary(positions: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, [positions, 64] each, float32."""
    llama: Any = import_module("transformers.models.llama.modeling_llama")
    config: Any = import_module("transformers").LlamaConfig(
        hidden_size=HEAD_SIZE,
        num_attention_heads=1,
        head_dim=HEAD_SIZE,
        max_position_embeddings=131_072,
        rope_theta=_ROPE["rope_theta"],
        rope_scaling=dict(_ROPE),
    )
    rotary = llama.LlamaRotaryEmbedding(config)
    cos, sin = rotary(torch.zeros(1), torch.arange(positions)[None])
    return cos[0], sin[0]


def _conditioner(state: State, device: str) -> Any:
    modules: Any = import_module("chatterbox.models.t3.modules.cond_enc")
    perceiver: Any = import_module("chatterbox.models.t3.modules.perceiver").Perceiver
    n_queries, width = state["perceiver.pre_attention_query"].shape[1:]

    class Sizes(import_module("chatterbox.models.t3.modules.t3_config").T3Config):
        n_channels = int(state["spkr_enc.weight"].shape[0])
        speaker_embed_size = int(state["spkr_enc.weight"].shape[1])

    def make() -> Any:
        encoder = modules.T3CondEnc(Sizes())
        encoder.perceiver = perceiver(n_queries, width, width)  # its own is of one size only
        return encoder

    return build(make, state, device=device)
