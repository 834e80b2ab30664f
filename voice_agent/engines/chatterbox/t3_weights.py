"""The token model's weights as the engine uses them: fused, in one precision, on one device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from voice_agent.engines.chatterbox.spec import Backbone, EngineSpec
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


Matrix = tuple[Tensor, Tensor | None]
"""Weight, [out, in] or [C], and bias, if it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of the transformer.

    Attributes:
        norm_attention: [C].
        qkv: Queries, keys and values, [3 · heads · 64, C].
        out: [C, heads · 64].
        norm_mlp: [C].
        up: [M, C]; Llama's [2 · M, C], the gate before it.
        down: [C, M].
    """

    norm_attention: Matrix
    qkv: Matrix
    out: Matrix
    norm_mlp: Matrix
    up: Matrix
    down: Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class T3Weights:
    """All of the token model.

    Attributes:
        layers: The transformer.
        gated: Its layers are Llama's.
        norm: Of its output, [C].
        head: To logits of the ids that may be drawn, [V, C] with V = `stop_speech` + 1.
        speech: Embeddings of speech ids, [ids, C].
        speech_position: [positions, C]; None for GPT-2.
        text: Embeddings of text ids, [ids, C].
        text_position: [positions, C]; None for GPT-2.
        position: GPT-2's, [positions, C]; None for Llama.
        rotary: Llama's cosines and sines, [positions, 64] each; None for GPT-2.
        conditioner: The stock module that makes the prefix of a voice, in float32.
    """

    layers: tuple[Layer, ...]
    gated: bool
    norm: Matrix
    head: Matrix
    speech: Tensor
    speech_position: Tensor | None
    text: Tensor
    text_position: Tensor | None
    position: Tensor | None
    rotary: tuple[Tensor, Tensor] | None
    conditioner: Any

    @property
    def n_heads(self) -> int:
        """Attention heads of a layer."""
        return int(self.layers[0].out[0].shape[1]) // HEAD_SIZE


def read_t3(
    state: State, spec: EngineSpec, *, device: str, dtype: Any, positions: int
) -> T3Weights:
    """Makes the engine's weights from a checkpoint's.

    Args:
        state: Of the stock class.
        spec: Which model.
        device: Where to.
        dtype: Of the transformer.
        positions: Longest sequence, for the tables of positions.
    """

    def moved(*names: str) -> Tensor:
        joined = torch.cat([state[name].to(device=device, dtype=dtype) for name in names])
        return joined.contiguous()

    def learned(name: str) -> Tensor | None:
        return moved(name) if name in state else None

    gpt2 = spec.backbone is Backbone.GPT2
    head, bias = moved("speech_head.weight"), learned("speech_head.bias")
    n_ids = spec.stop_speech + 1
    return T3Weights(
        layers=_gpt2_layers(state, moved) if gpt2 else _llama_layers(state, moved),
        gated=not gpt2,
        norm=(
            (moved("tfmr.ln_f.weight"), moved("tfmr.ln_f.bias"))
            if gpt2
            else (moved("tfmr.norm.weight"), None)
        ),
        head=(head[:n_ids].contiguous(), None if bias is None else bias[:n_ids].contiguous()),
        speech=moved("speech_emb.weight"),
        speech_position=learned("speech_pos_emb.emb.weight"),
        text=moved("text_emb.weight"),
        text_position=learned("text_pos_emb.emb.weight"),
        position=moved("tfmr.wpe.weight")[:positions].contiguous() if gpt2 else None,
        rotary=None if gpt2 else _rotary(positions, device, dtype),
        conditioner=_conditioner(part_of(state, "cond_enc"), device),
    )


def _llama_layers(state: State, moved: Callable[..., Tensor]) -> tuple[Layer, ...]:
    def layer(at: str) -> Layer:
        return Layer(
            norm_attention=(moved(f"{at}.input_layernorm.weight"), None),
            qkv=(moved(*(f"{at}.self_attn.{name}_proj.weight" for name in "qkv")), None),
            out=(moved(f"{at}.self_attn.o_proj.weight"), None),
            norm_mlp=(moved(f"{at}.post_attention_layernorm.weight"), None),
            up=(moved(f"{at}.mlp.gate_proj.weight", f"{at}.mlp.up_proj.weight"), None),
            down=(moved(f"{at}.mlp.down_proj.weight"), None),
        )

    return tuple(layer(f"tfmr.layers.{n}") for n in range(count_of(state, "tfmr.layers")))


def _gpt2_layers(state: State, moved: Callable[..., Tensor]) -> tuple[Layer, ...]:
    def norm(name: str) -> Matrix:
        return moved(f"{name}.weight"), moved(f"{name}.bias")

    def matrix(name: str) -> Matrix:
        weight, bias = norm(name)
        return weight.T.contiguous(), bias  # GPT-2 has them the other way round

    def layer(at: str) -> Layer:
        return Layer(
            norm_attention=norm(f"{at}.ln_1"),
            qkv=matrix(f"{at}.attn.c_attn"),
            out=matrix(f"{at}.attn.c_proj"),
            norm_mlp=norm(f"{at}.ln_2"),
            up=matrix(f"{at}.mlp.c_fc"),
            down=matrix(f"{at}.mlp.c_proj"),
        )

    return tuple(layer(f"tfmr.h.{n}") for n in range(count_of(state, "tfmr.h")))


def _rotary(positions: int, device: str, dtype: Any) -> tuple[Tensor, Tensor]:
    """Cosines and sines, [positions, 64] each."""
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
    return cos[0].to(device=device, dtype=dtype), sin[0].to(device=device, dtype=dtype)


def _conditioner(state: State, device: str) -> Any:
    modules: Any = import_module("chatterbox.models.t3.modules.cond_enc")
    perceiver: Any = import_module("chatterbox.models.t3.modules.perceiver").Perceiver
    queries = state.get("perceiver.pre_attention_query")

    width, n_features = state["spkr_enc.weight"].shape
    sizes = SimpleNamespace(
        encoder_type="voice_encoder",
        n_channels=width,
        speaker_embed_size=n_features,
        use_perceiver_resampler=queries is not None,
        emotion_adv="emotion_adv_fc.weight" in state,
    )

    def make() -> Any:
        encoder = modules.T3CondEnc(sizes)
        if queries is not None:
            # its own has one size only
            encoder.perceiver = perceiver(queries.shape[1], width, width)
        return encoder

    return build(make, state, device=device)
