"""Writes the directory that CTranslate2 and faster-whisper load."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import whisper_spec

from tools.test_whisper.model import MELS, Whisper

_PREPROCESSOR = {
    "chunk_length": 30,
    "feature_extractor_type": "WhisperFeatureExtractor",
    "feature_size": MELS,
    "hop_length": 160,
    "n_fft": 400,
    "n_samples": 480_000,
    "nb_max_frames": 3000,
    "padding_side": "right",
    "padding_value": 0.0,
    "processor_class": "WhisperProcessor",
    "return_attention_mask": False,
    "sampling_rate": 16_000,
}


def export(model: Whisper, tokenizer: Any, directory: Path) -> None:
    """Writes `model` as int8."""
    size = model.size
    spec = whisper_spec.WhisperSpec(
        size.encoder_layers, size.heads, size.decoder_layers, size.heads
    )
    _encoder(spec.encoder, model.encoder)
    _decoder(spec.decoder, model.decoder)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    spec.register_vocabulary([token for token, _ in vocabulary])
    config: Any = spec.config
    config.suppress_ids = []
    # no bare space at the beginning; the end may come at once: nothing was said
    config.suppress_ids_begin = [tokenizer.token_to_id("Ġ")]
    config.lang_ids = []
    config.alignment_heads = [[size.decoder_layers - 1, 0]]
    spec.validate()
    spec.optimize(quantization="int8")
    directory.mkdir(parents=True, exist_ok=True)
    spec.save(str(directory))
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    (directory / "preprocessor_config.json").write_text(json.dumps(_PREPROCESSOR, indent=2) + "\n")


def _encoder(spec: Any, encoder: Any) -> None:
    for name in ("conv1", "conv2"):
        convolution = getattr(encoder, name)
        getattr(spec, name).weight = _array(convolution.weight)
        getattr(spec, name).bias = _array(convolution.bias)
    spec.position_encodings.encodings = _array(encoder.positions)
    for layer_spec, layer in zip(spec.layer, encoder.layers, strict=True):
        _self_attention(layer_spec.self_attention, layer.attention)
        _feed_forward(layer_spec.ffn, layer.feed_forward)
    _norm(spec.layer_norm, encoder.norm)


def _decoder(spec: Any, decoder: Any) -> None:
    spec.embeddings.weight = _array(decoder.embedding.weight)
    spec.projection.weight = spec.embeddings.weight
    spec.position_encodings.encodings = _array(decoder.positions)
    for layer_spec, layer in zip(spec.layer, decoder.layers, strict=True):
        _self_attention(layer_spec.self_attention, layer.attention)
        _norm(layer_spec.attention.layer_norm, layer.cross_attention.norm)
        _linear(layer_spec.attention.linear[0], layer.cross_attention.query)
        _linear(layer_spec.attention.linear[1], layer.cross_attention.source)
        _linear(layer_spec.attention.linear[2], layer.cross_attention.outward)
        _feed_forward(layer_spec.ffn, layer.feed_forward)
    _norm(spec.layer_norm, decoder.norm)


def _self_attention(spec: Any, attention: Any) -> None:
    _norm(spec.layer_norm, attention.norm)
    _linear(spec.linear[0], attention.inward)
    _linear(spec.linear[1], attention.outward)


def _feed_forward(spec: Any, feed_forward: Any) -> None:
    _norm(spec.layer_norm, feed_forward.norm)
    _linear(spec.linear_0, feed_forward.inward)
    _linear(spec.linear_1, feed_forward.outward)


def _linear(spec: Any, linear: Any) -> None:
    spec.weight, spec.bias = _array(linear.weight), _array(linear.bias)


def _norm(spec: Any, norm: Any) -> None:
    spec.gamma, spec.beta = _array(norm.weight), _array(norm.bias)


def _array(tensor: Any) -> Any:
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float32))
