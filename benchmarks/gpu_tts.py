"""Chatterbox of full size with random weights on a CUDA GPU: its steps, and many streams.

``.venv-tts/bin/python -m benchmarks.gpu_tts [--size tiny] [--device cpu] [--precision float32]``

Speed does not depend on what weights hold, so it needs none of Chatterbox's: it writes a
checkpoint of random ones (3 GB, kept in an ignored folder) whose utterances have 150 tokens.

1. The token model's step at 1 to 64 slots, launched operator by operator and as a graph.
2. The decoder's Euler step at batches and lengths of windows.
3. All streams at the same moment: first audio, and seconds taken for a second of audio.

``--size tiny --device cpu`` shows that it runs, and nothing else.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from tools.make_test_chatterbox import CACHE, checkpoint, random_voice, write
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.flow import Window
from voice_agent.engines.chatterbox.model import ChatterboxModel, ModelOptions
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ, Sampling
from voice_agent.engines.chatterbox.tensors import torch
from voice_agent.engines.chatterbox.utterance import Audio, Lead, Request

_TOKENS = 150  # 6 s, a long sentence
_TEXT = list(range(3, 63))
_POSITIONS = 512


class Bench:
    """One checkpoint on one device.

    Args:
        folder: The checkpoint.
        device: Where.
        precision: Of the transformers.
        prompt_s: Seconds of the clip that the decoder is shown.
    """

    def __init__(self, folder: Path, device: str, precision: str, prompt_s: float) -> None:
        self._files = find_checkpoint(folder)
        self._cuda = device.startswith("cuda")
        self._options = {"device": device, "precision": precision, "prompt_s": prompt_s}

    def model(self, slots: int) -> ChatterboxModel:
        """The checkpoint with so many slots."""
        options = ModelOptions(slots=slots, positions=_POSITIONS, **self._options)
        return ChatterboxModel(self._files, options)

    def token_steps(self, slots: Sequence[int], repeats: int) -> Iterator[str]:
        """Milliseconds of a step with all slots going, eager and as a graph."""
        yield "| slots | step ms | as a graph | tokens/s |\n|---|---|---|---|"
        for n_slots in slots:
            model = self.model(n_slots)
            eager_s = self._step_s(model, n_slots, repeats)
            graph_s = None
            if self._cuda:
                model.capture()
                graph_s = self._step_s(model, n_slots, repeats)
            graph = f"{1e3 * graph_s:.2f}" if graph_s else "–"
            rate = n_slots / (graph_s or eager_s)
            yield f"| {n_slots} | {1e3 * eager_s:.2f} | {graph} | {rate:,.0f} |"

    def euler_steps(
        self, batches: Sequence[int], tokens: Sequence[int], repeats: int
    ) -> Iterator[str]:
        """Milliseconds of an Euler step of so many windows."""
        model = self.model(1)
        yield "| windows | tokens | Euler step ms | audio s/s |\n|---|---|---|---|"
        for n_tokens in tokens:
            for n_windows in batches:
                voice = model.voice("v", random_voice(0)).flow
                said = [i % 6561 for i in range(n_tokens)]
                windows = [Window(tokens=said, first=0, last=True, voice=voice)] * n_windows
                work = model._flow.begin(windows, 4 * repeats + 20)
                step_s = self._timed(lambda work=work: model._flow.advance(work), repeats)
                rate = n_windows * n_tokens / 25 / (10 * step_s)
                yield f"| {n_windows} | {n_tokens} | {1e3 * step_s:.2f} | {rate:.1f} |"

    def streams(self, numbers: Sequence[int]) -> Iterator[str]:
        """All streams at the same moment."""
        model = self.model(max(*numbers, 1))
        model.capture()
        yield "| streams | first audio p50 / p95 ms | real time | audio s/s |\n|---|---|---|---|"
        self._all_at_once(model, 1)
        for n_streams in numbers:
            first_s, wall_s, audio_s = self._all_at_once(model, n_streams)
            p50, p95 = 1e3 * np.percentile(first_s, [50, 95])
            behind = wall_s / (audio_s / n_streams)
            yield f"| {n_streams} | {p50:.0f} / {p95:.0f} | {behind:.3f} | {audio_s / wall_s:.1f} |"

    def _step_s(self, model: ChatterboxModel, n_slots: int, repeats: int) -> float:
        voice = model.voice("v", random_voice(0))
        t3: Any = model._t3
        prefix = t3.prefix(("v", 0.5), voice.conditions(0.5))
        for slot in range(n_slots):
            t3.join(slot, prefix, _TEXT, Sampling(), slot)
        return self._timed(lambda: t3.step(range(n_slots)), min(repeats, 100))

    def _all_at_once(
        self, model: ChatterboxModel, n_streams: int
    ) -> tuple[list[float], float, float]:
        scheduler = Scheduler(model, max_joins=4)
        began_s, first, n_samples = time.perf_counter(), dict[int, float](), 0
        for number in range(n_streams):
            voice = model.voice(str(number), random_voice(number))
            ahead = Lead(heard_s=1e6)
            scheduler.admit(
                Request(number=number, text=_TEXT, voice=voice, seed=number, ahead=ahead)
            )
        while (events := scheduler.tick()) is not None:
            for event in events:
                if isinstance(event, Audio):
                    n_samples += len(event.samples)
                    first.setdefault(event.number, time.perf_counter() - began_s)
        wall_s = time.perf_counter() - began_s
        return list(first.values()), wall_s, n_samples / SAMPLE_RATE_HZ

    def _timed(self, work: Callable[[], Any], repeats: int) -> float:
        """Seconds of one call."""
        for _ in range(3):
            work()
        self._wait()
        began_s = time.perf_counter()
        for _ in range(repeats):
            work()
        self._wait()
        return (time.perf_counter() - began_s) / repeats

    def _wait(self) -> None:
        if self._cuda:
            torch.cuda.synchronize()


def full_checkpoint() -> Path:
    """The folder of random weights of full size; written if need be."""
    folder = CACHE / f"full-{_TOKENS}"
    if not folder.is_dir():
        write(folder, _TOKENS, small=False)
    return folder


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=["full", "tiny"], default="full")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="")
    parser.add_argument("--prompt-s", type=float, default=10.0)
    parser.add_argument("--slots", type=int, nargs="*", default=[1, 8, 32, 64])
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 4, 8, 16, 32])
    parser.add_argument("--tokens", type=int, nargs="*", default=[13, 53, 78])
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 8, 30])
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    on_gpu = options.device.startswith("cuda")
    precision = options.precision or ("bfloat16" if on_gpu else "float32")
    where = torch.cuda.get_device_name() if on_gpu else "no GPU"
    title = f"{where}, {options.size}, {precision}, clip of {options.prompt_s:g} s"
    print(f"{title}; {machine()}\n", flush=True)
    folder = full_checkpoint() if options.size == "full" else checkpoint()
    bench = Bench(folder, options.device, precision, options.prompt_s)
    with torch.inference_mode():
        for table in (
            bench.token_steps(options.slots, options.repeats),
            bench.euler_steps(options.batches, options.tokens, options.repeats),
            bench.streams(options.streams),
        ):
            for line in table:
                print(line, flush=True)
            print(flush=True)


if __name__ == "__main__":
    main()
