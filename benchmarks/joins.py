"""A picture of where two chunks meet, by the stock class and by this engine.

``.venv-tts/bin/python -m benchmarks.joins FILE.png``, with matplotlib, which nothing else needs.

Both speak on the small checkpoint with random weights, in chunks of 0.8 s. Its speech is noise,
so a join can be seen and not be told by ear; how loud the first 5 ms of a chunk are, beside
the 200 ms around them, is printed for all joins.
"""

import argparse
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.make_test_chatterbox import checkpoint, random_voice, small_classes, stock_voice
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.compat import load_stock
from voice_agent.engines.chatterbox.model import ChatterboxModel, ModelOptions
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ
from voice_agent.engines.chatterbox.tensors import torch
from voice_agent.engines.chatterbox.utterance import Audio, Lead, Request

_TEXT = "Hello there, this is where two chunks meet."
_CHUNK_TOKENS = 20
_MS = SAMPLE_RATE_HZ // 1000
_AROUND_MS = 200
_LEVEL_MS = 5

Pieces = list[NDArray[np.float32]]


def by_stock(folder: Path, voice: int) -> Pieces:
    """What the stock class yields, without its watermark."""
    with small_classes():
        stock = load_stock(folder, "cpu")
    stock.conds = stock_voice(random_voice(voice))
    stock.watermarker.apply_watermark = lambda samples, **_: samples
    torch.manual_seed(voice)
    stream = stock.generate_stream(_TEXT, chunk_size=_CHUNK_TOKENS, print_metrics=False)
    return [samples[0].numpy() for samples, _ in stream]


def by_engine(folder: Path, voice: int) -> Pieces:
    """What this engine sends."""
    model = ChatterboxModel(find_checkpoint(folder), ModelOptions(slots=1))
    scheduler = Scheduler(model)
    scheduler.admit(
        Request(
            number=1,
            text=model.text.ids(_TEXT, "en"),
            voice=model.voice("v", random_voice(voice)),
            seed=voice,
            chunk_tokens=_CHUNK_TOKENS,
            ahead=Lead(heard_s=1e6),
        )
    )
    pieces: Pieces = []
    while (events := scheduler.tick()) is not None:
        pieces += [event.samples for event in events if isinstance(event, Audio)]
    return pieces


def joins(pieces: Pieces) -> list[int]:
    """Where chunks meet, in samples; those with enough on both sides."""
    at = np.cumsum([len(piece) for piece in pieces])[:-1]
    end = sum(len(piece) for piece in pieces)
    return [int(a) for a in at if _AROUND_MS * _MS <= a <= end - _AROUND_MS * _MS]


def loudness_of_starts(pieces: Pieces) -> list[float]:
    """Of the first 5 ms behind each join, beside the 200 ms around it."""
    sound, half = np.concatenate(pieces), _AROUND_MS * _MS // 2
    return [
        _level(sound[at : at + _LEVEL_MS * _MS]) / _level(sound[at - half : at + half])
        for at in joins(pieces)
    ]


def _level(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def draw(columns: Sequence[tuple[str, Pieces]], path: Path) -> None:
    """A column for each: level and spectrogram around its first join."""
    plots: Any = import_module("matplotlib.pyplot")
    figure, axes = plots.subplots(2, len(columns), figsize=(9, 4.5), sharex=True, sharey="row")
    for (title, pieces), (above, below) in zip(columns, axes.T, strict=True):
        at, sound = joins(pieces)[0], np.concatenate(pieces)
        shown = sound[at - _AROUND_MS * _MS : at + _AROUND_MS * _MS]
        steps = shown[: len(shown) // (_LEVEL_MS * _MS) * _LEVEL_MS * _MS].reshape(-1, 120)
        levels = 20 * np.log10(np.sqrt(np.mean(steps**2, axis=1)) / _level(shown))
        times_ms = (np.arange(len(levels)) + 0.5) * _LEVEL_MS - _AROUND_MS
        above.plot(times_ms, levels, color="black")
        above.set_title(title)
        below.specgram(
            shown, NFFT=256, Fs=SAMPLE_RATE_HZ, noverlap=224, cmap="magma",
            xextent=(-_AROUND_MS, _AROUND_MS), vmin=-130,
        )  # fmt: skip
        below.set_xlabel("ms from the join")
        for axis in (above, below):
            axis.axvline(0, color="tab:blue", linewidth=0.8, linestyle="--")
    axes[0, 0].set_ylabel("level of 5 ms, dB")
    axes[1, 0].set_ylabel("Hz")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="the picture")
    parser.add_argument("--voices", type=int, default=4, help="as many utterances are looked at")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = checkpoint()
    with torch.inference_mode():
        made = {
            "stock": [by_stock(folder, voice) for voice in range(options.voices)],
            "this engine": [by_engine(folder, voice) for voice in range(options.voices)],
        }
    for name, utterances in made.items():
        starts = [start for pieces in utterances for start in loudness_of_starts(pieces)]
        print(f"{name}: first 5 ms {np.mean(starts):.2f} of the level around ({len(starts)} joins)")
    draw([(name, utterances[0]) for name, utterances in made.items()], options.path)


if __name__ == "__main__":
    main()
