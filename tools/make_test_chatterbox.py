"""Writes a small Chatterbox checkpoint with random weights, for tests and benchmarks.

It is built from the stock classes, so the real loaders accept it; only the sizes differ
(70 MB instead of 3 GB). Its voice is noise, but it ends after a given number of tokens, and
it sounds different for every voice. Runs in `.venv-tts`; takes about ten seconds once.

    .venv-tts/bin/python -m tools.make_test_chatterbox [--tokens N] [FOLDER]
"""

import argparse
import contextlib
import functools
import json
import math
import os
import shutil
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray

CACHE = Path(__file__).parents[1] / "build" / "test-chatterbox"
"""In an ignored folder, made on first use; `make clean` removes it."""

TOKENS = 60
"""Speech tokens of every utterance, 2.4 s."""

_VERSION = "3"  # raise when what is written changes
_N_SPEECH, _START, _STOP = 6561, 6561, 6562
_LLAMA = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 10,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 64,
}
_SMALLER: Mapping[str, Mapping[str, Any]] = {
    "UpsampleConformerEncoder": {"num_blocks": 1, "linear_units": 64},
    "ConditionalDecoder": {"channels": [64], "n_blocks": 1, "num_mid_blocks": 1, "num_heads": 1},
    "CAMPPlus": {"growth_rate": 8, "init_channels": 32},
    "HiFTGenerator": {"base_channels": 32},
    "ConvRNNF0Predictor": {"cond_channels": 32},
}


def checkpoint(n_tokens: int = TOKENS) -> Path:
    """The folder of the checkpoint whose utterances have `n_tokens`; made if need be."""
    return cached(f"{n_tokens}", lambda folder: write(folder, n_tokens))


def cached(name: str, write: Callable[[Path], None]) -> Path:
    """A folder that `write` has filled, now or earlier; whole, whoever else makes it too."""
    folder = CACHE / f"{_VERSION}-{name}"
    if not folder.is_dir():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        write(unfinished)
        try:
            unfinished.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return folder


def write(folder: Path, n_tokens: int, *, small: bool = True) -> None:
    """Writes the files of the stock class's `from_local`.

    Args:
        folder: Where to; must not exist.
        n_tokens: Length of all utterances.
        small: Not in the published size, which takes a minute and 3 GB.
    """
    import chatterbox.tts as stock  # pyright: ignore[reportMissingImports]

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    with small_classes() if small else contextlib.nullcontext():
        parts = {"t3_cfg": stock.T3(), "s3gen": stock.S3Gen(), "ve": stock.VoiceEncoder()}
    let_voice_and_emotion_be_heard(parts["t3_cfg"])
    end_after(parts["t3_cfg"], n_tokens)
    let_spectrograms_be_heard(parts["s3gen"].mel2wav)
    for name, module in parts.items():
        torch.save(module.state_dict(), folder / f"{name}.pt")
    write_tokenizer(folder / "tokenizer.json")
    stock_voice(random_voice(0)).save(folder / "conds.pt")


@contextlib.contextmanager
def small_classes() -> Iterator[None]:
    """Inside, the stock classes build the small model; their sizes are written into them."""
    import chatterbox.tts as stock  # pyright: ignore[reportMissingImports]
    from chatterbox.models.s3gen import s3gen  # pyright: ignore[reportMissingImports]
    from chatterbox.models.t3 import llama_configs  # pyright: ignore[reportMissingImports]
    from chatterbox.models.t3.modules import cond_enc  # pyright: ignore[reportMissingImports]

    width = _LLAMA["hidden_size"]
    perceiver = functools.partial(cond_enc.Perceiver, 32, width, width)
    sizes: dict[str, Any] = llama_configs.LLAMA_CONFIGS["Llama_520M"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(sizes, _LLAMA))
        stack.enter_context(mock.patch.object(cond_enc, "Perceiver", perceiver))
        for name, smaller in _SMALLER.items():
            make = functools.partial(_made, getattr(s3gen, name), smaller)
            stack.enter_context(mock.patch.object(s3gen, name, make))
        stack.enter_context(mock.patch.object(s3gen, "S3Tokenizer", _small_tokenizer))
        stack.enter_context(mock.patch.object(stock, "S3Gen", _small_s3gen))
        yield


def let_voice_and_emotion_be_heard(t3: Any) -> None:
    """Makes a random token model draw other tokens when what it attends to is another.

    As it is built, all ids are about as likely, and its attention changes that by 0.6 %.
    """
    with torch.no_grad():
        t3.speech_head.weight[:_N_SPEECH] *= 3
        for layer in t3.tfmr.layers:
            layer.self_attn.o_proj.weight *= 8


def end_after(t3: Any, n_tokens: int) -> None:
    """Makes a random token model say `n_tokens` valid tokens, then the end.

    A component that all speech embeddings share keeps the ids that mean nothing away; the
    positions from `n_tokens` on have a component that only the end answers to.
    """
    with torch.no_grad():
        width, generator = t3.dim, torch.Generator().manual_seed(1)
        both, _ = torch.linalg.qr(torch.randn(width, 2, generator=generator))
        shared, end = both[:, 0], both[:, 1]
        t3.speech_emb.weight.normal_(0, 0.3, generator=generator)
        for weight in (t3.speech_emb.weight, t3.speech_head.weight):
            weight -= (weight @ both) @ both.T
        t3.speech_emb.weight += math.sqrt(width) * shared
        t3.speech_head.weight[_N_SPEECH:] -= 2 * shared
        t3.speech_head.weight[_STOP] = 6 * end - 2 * shared
        t3.speech_pos_emb.emb.weight[n_tokens:] += 4 * math.sqrt(width) * end


def let_spectrograms_be_heard(vocoder: Any) -> None:
    """Makes a random vocoder say what it is given.

    As it is built, its spectrogram dies away on the way and its pitch is 0 Hz, so all
    speech sounds alike to 1 %. So, two streams of different tokens differ by 30 %.
    """
    with torch.no_grad():
        for layer in vocoder.ups:
            layer.parametrizations.weight.original0.mul_(4)
        # an exponential follows: as it is built, it would clip
        vocoder.conv_post.parametrizations.weight.original0.mul_(0.6)
        pitch = vocoder.f0_predictor.classifier
        pitch.weight.mul_(3000)  # about 40 to 340 Hz
        pitch.bias.fill_(120)


def random_voice(
    seed: int, prompt_s: float = 10.0, shown_tokens: int = 150
) -> dict[str, NDArray[Any]]:
    """Conditioning as if it had been computed from a clip of `prompt_s` seconds."""
    random = np.random.default_rng(seed)
    n_tokens = int(prompt_s * 25)
    speaker = np.maximum(random.standard_normal((1, 256)), 0)
    return {
        "t3.speaker_emb": (speaker / np.linalg.norm(speaker)).astype(np.float32),
        "t3.cond_prompt_speech_tokens": random.integers(0, _N_SPEECH, (1, shown_tokens)),
        "gen.prompt_token": random.integers(0, _N_SPEECH, (1, n_tokens)),
        "gen.prompt_feat": (random.standard_normal((1, 2 * n_tokens, 80)) - 5).astype(np.float32),
        "gen.embedding": random.standard_normal((1, 192)).astype(np.float32),
    }


def stock_voice(voice: Mapping[str, NDArray[Any]], emotion: float = 0.5) -> Any:
    """The same as the stock class has it."""
    from chatterbox.tts import Conditionals, T3Cond  # pyright: ignore[reportMissingImports]

    parts = {name: torch.from_numpy(np.array(array)) for name, array in voice.items()}
    t3 = T3Cond(
        speaker_emb=parts["t3.speaker_emb"],
        cond_prompt_speech_tokens=parts["t3.cond_prompt_speech_tokens"],
        emotion_adv=emotion * torch.ones(1, 1, 1),
    )
    tokens = parts["gen.prompt_token"]
    gen = {
        "prompt_token": tokens,
        "prompt_token_len": torch.tensor([tokens.shape[1]]),
        "prompt_feat": parts["gen.prompt_feat"],
        "prompt_feat_len": None,
        "embedding": parts["gen.embedding"],
    }
    return Conditionals(t3, gen)


def write_tokenizer(
    path: Path, n_ids: int = 704, *, others: str = "", tags: Sequence[str] = ()
) -> None:
    """One token a character, with the ids of steering tokens that the model expects.

    Args:
        path: The file.
        n_ids: How many the model has.
        others: Characters besides those of English.
        tags: Tokens of several characters.
    """
    steering = {"[STOP]": 0, "[UNK]": 1, "[SPACE]": 2, "[START]": 255}
    characters = "!'(),-.:;?\"" + string.ascii_letters + string.digits
    vocabulary = {**steering, **{c: 3 + i for i, c in enumerate(characters)}}
    vocabulary |= {token: 256 + i for i, token in enumerate([*tags, *others])}
    taken = set(vocabulary.values())
    vocabulary |= {f"<{i}>": i for i in range(n_ids) if i not in taken}
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    added = [
        {"id": vocabulary[token], "content": token, "special": True, **dict.fromkeys(flags, False)}
        for token in [*steering, *tags]
    ]
    model = {"type": "BPE", "unk_token": "[UNK]", "vocab": vocabulary, "merges": []}
    model |= {"dropout": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    model |= {"continuing_subword_prefix": None, "end_of_word_suffix": None}
    stages = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    whole = {"version": "1.0", **dict.fromkeys(stages), "added_tokens": added, "model": model}
    path.write_text(json.dumps(whole))


def _made(kind: Any, smaller: Mapping[str, Any], **sizes: Any) -> Any:
    return kind(**{**sizes, **smaller})


def _small_tokenizer(name: str) -> Any:
    from chatterbox.models.s3tokenizer import S3Tokenizer  # pyright: ignore[reportMissingImports]
    from s3tokenizer import model_v2  # pyright: ignore[reportMissingImports]

    config = model_v2.ModelConfig(n_audio_state=64, n_audio_head=1, n_audio_layer=2)
    base = model_v2.S3TokenizerV2.__init__

    def sized(self: Any, name: str) -> None:
        base(self, name, config)

    # the class between takes a configuration and forgets it
    with mock.patch.object(model_v2.S3TokenizerV2, "__init__", sized):
        return S3Tokenizer(name)


def _small_s3gen() -> Any:
    from chatterbox.models.s3gen.s3gen import S3Token2Wav  # pyright: ignore[reportMissingImports]

    whole = S3Token2Wav()
    encoder = whole.flow.encoder
    encoder.up_encoders = encoder.up_encoders[:1]  # four are made whatever the sizes are
    return whole


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="length of all utterances")
    parser.add_argument("folder", type=Path, nargs="?", help=f"default: in {CACHE.name}")
    options = parser.parse_args()
    if options.folder:
        write(options.folder, options.tokens)
    print(options.folder or checkpoint(options.tokens))


if __name__ == "__main__":
    main()
