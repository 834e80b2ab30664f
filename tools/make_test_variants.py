"""Small random checkpoints of Chatterbox Multilingual and Turbo, beside the English one.

The stock package has no class for either: Multilingual is its English token model with more
text ids; Turbo's is put together here of the same parts and GPT-2, under the names that its
published weights have. Both are laid out as they are published.

    .venv-tts/bin/python -m tools.make_test_variants
"""

import json
import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]

from tools.make_test_chatterbox import (
    TOKENS,
    cached,
    checkpoint,
    end_after,
    let_voice_and_emotion_be_heard,
    random_voice,
    small_classes,
    stock_voice,
    write_tokenizer,
)
from voice_agent.engines.chatterbox.spec import MULTILINGUAL, TURBO

_MULTILINGUAL_IDS = 2454
_WIDTH = 128
_TURBO_TEXT_IDS = 300
_BEFORE_SPEECH = 400
"""Positions of Turbo before an utterance's first token, with a long clip and a short text."""

_CHARACTERS = (
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüßğıłńśşźżабвгдежзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψω"
)
_CANGJIE = ("我\thqi", "你\tonf", "好\tvnd", "找\thqi")
_TAGS = ("<|endoftext|>", *TURBO.tags)


def multilingual(n_tokens: int = TOKENS) -> Path:
    """The folder of a multilingual checkpoint; utterances as for English."""

    def write(folder: Path) -> None:
        import chatterbox.tts as stock  # pyright: ignore[reportMissingImports]
        from chatterbox.models.t3 import t3  # pyright: ignore[reportMissingImports]

        class Sizes(t3.T3Config):
            text_tokens_dict_size = _MULTILINGUAL_IDS

        torch.manual_seed(2)
        with small_classes():
            model = stock.T3(Sizes())
        let_voice_and_emotion_be_heard(model)
        end_after(model, n_tokens)
        folder.mkdir(parents=True)
        _save(model.state_dict(), folder / "t3_mtl23ls_v2.safetensors")
        _share(folder, "ve.pt", "s3gen.pt", "conds.pt")
        marks = [chr(code) for code in range(0x300, 0x340)]
        letters = [chr(code) for code in range(0x1100, 0x1200)]  # Korean
        tags = [f"[{code}]" for code in MULTILINGUAL.languages]
        tags += [f"[cj_{key}]" for key in "abcdefghijklmnopqrstuvwxyz.123"]
        write_tokenizer(
            folder / "grapheme_mtl_merged_expanded_v1.json",
            _MULTILINGUAL_IDS,
            others="".join(dict.fromkeys([*_CHARACTERS, *marks, *letters])),
            tags=tags,
        )
        (folder / "Cangjie5_TC.json").write_text(json.dumps(_CANGJIE))

    return cached(f"multilingual-{n_tokens}", write)


def turbo(n_tokens: int = TOKENS) -> Path:
    """The folder of a Turbo checkpoint; an utterance ends at a position, not at a length.

    With 376 positions of a voice and 23 of a text it has `n_tokens`; so many less or more
    as these are more or less.
    """

    def write(folder: Path) -> None:
        torch.manual_seed(3)
        model = TurboT3()
        model.end_at(_BEFORE_SPEECH + n_tokens)
        folder.mkdir(parents=True)
        _save(model.state_dict(), folder / "t3_turbo_v1.safetensors")
        english = checkpoint()
        _save(torch.load(english / "ve.pt"), folder / "ve.safetensors")
        _save(_mean_flow(torch.load(english / "s3gen.pt")), folder / "s3gen_meanflow.safetensors")
        stock_voice(random_voice(0, shown_tokens=375)).save(folder / "conds.pt")
        _write_gpt2_tokenizer(folder)

    return cached(f"turbo-{n_tokens}", write)


class TurboT3(nn.Module):
    """Turbo's token model with the names of its weights; small."""

    def __init__(self) -> None:
        from chatterbox.models.t3.modules import cond_enc  # pyright: ignore[reportMissingImports]
        from transformers import GPT2Config, GPT2Model  # pyright: ignore[reportMissingImports]

        super().__init__()
        sizes = {"n_embd": _WIDTH, "n_head": 2, "n_layer": 3, "n_positions": 2048}
        without = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
        without |= dict.fromkeys(("bos_token_id", "eos_token_id"))
        self.tfmr = GPT2Model(GPT2Config(vocab_size=_TURBO_TEXT_IDS, **sizes, **without))
        self.cond_enc = cond_enc.T3CondEnc(
            SimpleNamespace(
                encoder_type="voice_encoder",
                n_channels=_WIDTH,
                speaker_embed_size=256,
                use_perceiver_resampler=False,
                emotion_adv=False,
            )
        )
        self.text_emb = nn.Embedding(_TURBO_TEXT_IDS, _WIDTH)
        self.speech_emb = nn.Embedding(6563, _WIDTH)
        self.text_head = nn.Linear(_WIDTH, _TURBO_TEXT_IDS, bias=False)
        self.speech_head = nn.Linear(_WIDTH, 6563)

    def end_at(self, position: int) -> None:
        """Makes it say valid tokens up to a position, then the end; as `end_after` does."""
        with torch.no_grad():
            generator = torch.Generator().manual_seed(1)
            ones = torch.ones(_WIDTH, 1)  # its norm takes the mean away
            random = torch.randn(_WIDTH, 2, generator=generator)
            basis, _ = torch.linalg.qr(torch.cat([ones, random], 1))
            both, shared, end = basis[:, 1:], basis[:, 1], basis[:, 2]
            self.speech_emb.weight.normal_(0, 0.3, generator=generator)
            for weight in (self.speech_emb.weight, self.speech_head.weight):
                weight -= (weight @ both) @ both.T
            self.speech_head.weight *= 3
            self.speech_emb.weight += math.sqrt(_WIDTH) * shared
            self.speech_head.weight[6561:] -= 2 * shared
            self.speech_head.weight[6562] = 6 * end - 2 * shared
            for layer in self.tfmr.h:
                layer.attn.c_proj.weight *= 8
            self.tfmr.wpe.weight[position:] += 4 * math.sqrt(_WIDTH) * end


def _mean_flow(state: dict[str, Any]) -> dict[str, Any]:
    """The distilled decoder has one matrix more; it mixes where a step starts and ends."""
    width = state["flow.decoder.estimator.time_mlp.linear_2.weight"].shape[0]
    mixer = torch.cat([torch.eye(width), 0.3 * torch.randn(width, width) / math.sqrt(width)], 1)
    return {**state, "flow.decoder.estimator.time_embed_mixer.weight": mixer}


def _write_gpt2_tokenizer(folder: Path) -> None:
    from tokenizers.pre_tokenizers import ByteLevel  # pyright: ignore[reportMissingImports]

    bytes_ = sorted(ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*bytes_, "<|endoftext|>"])}
    tags = {tag: len(vocabulary) + i for i, tag in enumerate(TURBO.tags)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "added_tokens.json").write_text(json.dumps(tags))
    end = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    whole = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, **end}
    (folder / "tokenizer_config.json").write_text(json.dumps(whole))


def _save(state: dict[str, Any], path: Path) -> None:
    from safetensors.torch import save_file  # pyright: ignore[reportMissingImports]

    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)


def _share(folder: Path, *names: str) -> None:
    for name in names:
        os.link(checkpoint() / name, folder / name)


if __name__ == "__main__":
    for made in (multilingual(), turbo()):
        print(made)
