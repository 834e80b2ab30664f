"""A voice as the model takes it, from the arrays that are stored of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voice_agent.engines.chatterbox.flow import FlowVoice
from voice_agent.engines.chatterbox.spec import (
    FRAMES_PER_TOKEN,
    KEPT_LUFS,
    TOKENS_PER_S,
    EngineSpec,
)
from voice_agent.engines.chatterbox.tensors import Tensor, torch
from voice_agent.errors import BadAudio

Arrays = Mapping[str, NDArray[Any]]
"""`t3.speaker_emb` float32 [1, 256], `t3.cond_prompt_speech_tokens` int64 [1, n],
`gen.prompt_token` int64 [1, m], `gen.prompt_feat` float32 [1, 2m, 80], `gen.embedding`
float32 [1, 192]: the stock conditionals without what the model adds to them."""

_CLIP_S = 10.0  # what the decoder was trained to be shown
_S3_RATE_HZ = 16_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voice:
    """A voice on the device; not changed by speaking.

    Attributes:
        key: Names it; another voice has another.
        speaker: float32 [1, 256].
        tokens: int64 [1, n], what the token model is shown.
        flow: What the decoder is shown.
    """

    key: str
    speaker: Tensor
    tokens: Tensor
    flow: FlowVoice

    def conditions(self, emotion: float) -> Any:
        """The stock `T3Cond` at an emotion; a new one each time."""
        conditions: Any = import_module("chatterbox.models.t3.modules.cond_enc")
        return conditions.T3Cond(
            speaker_emb=self.speaker,
            cond_prompt_speech_tokens=self.tokens,
            emotion_adv=torch.full((1, 1, 1), emotion, device=self.speaker.device),
        )


def make_voice(key: str, arrays: Arrays, *, device: str, prompt_s: float) -> Voice:
    """Puts a voice on the device.

    Args:
        key: Names it.
        arrays: Its conditioning.
        device: Where to.
        prompt_s: Seconds of the clip that the decoder is shown. It computes them anew with
            every chunk: 3 s cost 2.7 times less than 10 s.
    """

    def moved(name: str) -> Tensor:
        return torch.from_numpy(np.array(arrays[name])).to(device)

    n_tokens = min(int(prompt_s * TOKENS_PER_S), arrays["gen.prompt_token"].shape[1])
    return Voice(
        key=key,
        speaker=moved("t3.speaker_emb").float(),
        tokens=moved("t3.cond_prompt_speech_tokens").long(),
        flow=FlowVoice(
            tokens=moved("gen.prompt_token")[0, :n_tokens].long(),
            frames=moved("gen.prompt_feat")[0, : FRAMES_PER_TOKEN * n_tokens].float(),
            speaker=moved("gen.embedding")[0].float(),
        ),
    )


def read_own_voice(path: Path) -> Arrays:
    """The voice that comes with a checkpoint, from the stock class's `conds.pt`."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    return {
        "t3.speaker_emb": saved["t3"]["speaker_emb"].numpy(),
        "t3.cond_prompt_speech_tokens": saved["t3"]["cond_prompt_speech_tokens"].numpy(),
        "gen.prompt_token": saved["gen"]["prompt_token"].numpy(),
        "gen.prompt_feat": saved["gen"]["prompt_feat"].numpy(),
        "gen.embedding": saved["gen"]["embedding"].numpy(),
    }


class Conditioner:
    """Computes a voice from a clip; by one thread at a time, beside the engine's.

    Args:
        tokenizer: The stock module.
        speaker: The stock module of the decoder's speaker vector.
        encoder: The stock module of the token model's speaker vector.
        spec: How much of a clip is looked at.
    """

    def __init__(self, tokenizer: Any, speaker: Any, encoder: Any, spec: EngineSpec) -> None:
        self._tokenizer = tokenizer
        self._speaker = speaker
        self._encoder = encoder
        self._spec = spec

    def compute(self, samples: NDArray[np.float32], rate_hz: int) -> Arrays:
        """Conditioning from a clip: float32 mono.

        Raises:
            BadAudio: The clip is too short.
        """
        least_s, lufs = self._spec.least_clip_s, self._spec.clip_lufs
        if len(samples) < least_s * rate_hz:
            raise BadAudio(f"the clip has less than {least_s:g} s of speech")
        if lufs is not None:
            samples = samples * np.float32(10 ** ((lufs - KEPT_LUFS) / 20))
        soxr: Any = import_module("soxr")
        at_24 = soxr.resample(samples, rate_hz, 24_000, quality="HQ").astype(np.float32)
        at_16 = soxr.resample(at_24, 24_000, _S3_RATE_HZ, quality="HQ").astype(np.float32)
        with torch.inference_mode():
            return {**self._token_model(at_16), **self._decoder(at_24[: int(_CLIP_S * 24_000)])}

    def _token_model(self, clip: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        shown = clip[: int(self._spec.prompt_s * _S3_RATE_HZ)]
        tokens, _ = self._tokenizer([shown], max_len=self._spec.prompt_tokens)
        speaker = self._encoder.embeds_from_wavs([clip], sample_rate=_S3_RATE_HZ)
        return {
            "t3.speaker_emb": np.mean(speaker, axis=0, keepdims=True).astype(np.float32),
            "t3.cond_prompt_speech_tokens": torch.atleast_2d(tokens).cpu().numpy(),
        }

    def _decoder(self, clip: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        stock: Any = import_module("chatterbox.models.s3gen.s3gen")
        device = self._tokenizer.device
        wave = torch.from_numpy(clip)[None].to(device)
        frames = stock.mel_spectrogram(wave).transpose(1, 2)
        at_16 = stock.get_resampler(24_000, _S3_RATE_HZ, device)(wave)
        tokens, _ = self._tokenizer(at_16)
        # a clip that is no multiple of 40 ms has a token too many, or half of one too few
        n_tokens = min(tokens.shape[1], frames.shape[1] // FRAMES_PER_TOKEN)
        return {
            "gen.prompt_token": tokens[:, :n_tokens].cpu().numpy(),
            "gen.prompt_feat": frames[:, : FRAMES_PER_TOKEN * n_tokens].cpu().numpy(),
            "gen.embedding": self._speaker.inference(at_16).cpu().numpy(),
        }
