"""Chatterbox for many at once: the stock class one request after another, and this engine.

``.venv-tts/bin/python -m benchmarks.tts [--streams 1 8 30] [--prompt-s 10] [-o FILE]``

Both on the same small checkpoint with random weights, in one run, on one thread, with the
watermark, all requests at the same moment. The stock class is timed on a few requests; as it
serves one after another, the first audio of request `n` comes after `n` whole requests.

- `first audio`: from the request to the first chunk. The stock chunk has 1 s (25 tokens) and
  was looked at with nothing behind it; the engine's has 0.23 s and three tokens of look-ahead.
- `real time`: seconds that all took over seconds of audio in one stream; above 1 a listener
  waits.
- `audio s/s`: audio of all streams in a second of wall time, and in a second of processor
  time, which others on the machine hardly change.
- `ops`, `host reads` for one second of audio: what has to be launched, and how often the host
  has to wait for the device: what small batches on a GPU are made of.

The numbers say how the two compare, not how fast Chatterbox is: the model is 60 times smaller.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from tools.make_test_chatterbox import checkpoint, random_voice, small_classes, stock_voice
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.compat import load_stock
from voice_agent.engines.chatterbox.model import ChatterboxModel, ModelOptions
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ
from voice_agent.engines.chatterbox.tensors import torch
from voice_agent.engines.chatterbox.utterance import Audio, Lead, Request
from voice_agent.engines.chatterbox.watermark import MarkedStream, Watermarker

TEXT = "Hello there, this is how long it takes."
_STOCK_CHUNK_TOKENS, _CHUNK_TOKENS = 25, 50  # what each has by default
_HEAD = (
    "| | streams | first audio p50 / p95 s | real time | audio s/s | per processor s "
    "| ops | host reads |\n|---|---|---|---|---|---|---|---|"
)
_HOST_READS = ("item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took.

    Attributes:
        first_s: First audio of each request.
        wall_s: All of it.
        cpu_s: Processor time of it.
        audio_s: Audio of all streams.
    """

    first_s: Sequence[float]
    wall_s: float
    cpu_s: float
    audio_s: float

    def row(self, name: str, counted: "Counted") -> str:
        """The run as a line of the table."""
        n_streams = len(self.first_s)
        p50, p95 = np.percentile(self.first_s, [50, 95])
        cells = (
            name,
            n_streams,
            f"{p50:.2f} / {p95:.2f}",
            f"{self.wall_s / (self.audio_s / n_streams):.2f}",
            f"{self.audio_s / self.wall_s:.2f}",
            f"{self.audio_s / self.cpu_s:.2f}",
            f"{counted.ops / counted.audio_s:,.0f}",
            f"{counted.host_reads / counted.audio_s:.0f}",
        )
        return f"| {' | '.join(str(cell) for cell in cells)} |"


@dataclass(slots=True, kw_only=True)
class Counted:
    """What was launched and read in a run."""

    ops: int = 0
    host_reads: int = 0
    audio_s: float = 0.0


@contextmanager
def counting() -> Iterator[Counted]:
    """Counts operators and reads by the host; slow, so never while time is taken."""
    from torch.utils._python_dispatch import (  # pyright: ignore[reportMissingImports]
        TorchDispatchMode,
    )

    counted = Counted()

    class Operators(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            counted.ops += 1
            return func(*args, **(kwargs or {}))

    saved = {name: getattr(torch.Tensor, name) for name in _HOST_READS}

    def reading(name: str) -> Callable[..., Any]:
        def read(*args: Any, **kwargs: Any) -> Any:
            counted.host_reads += 1
            return saved[name](*args, **kwargs)

        return read

    for name in _HOST_READS:
        setattr(torch.Tensor, name, reading(name))
    try:
        with Operators():
            yield counted
    finally:
        for name, method in saved.items():
            setattr(torch.Tensor, name, method)


class Ours:
    """The engine without its thread.

    Args:
        folder: The checkpoint.
        prompt_s: Seconds of the clip that the decoder is shown.
        marks: The watermark.
    """

    def __init__(self, folder: Path, prompt_s: float, marks: Watermarker) -> None:
        options = ModelOptions(slots=32, positions=256, prompt_s=prompt_s)
        with torch.inference_mode():
            self._model = ChatterboxModel(find_checkpoint(folder), options)
        self._marks = marks

    def run(self, n_streams: int) -> Run:
        """So many requests at once, each in a voice of its own."""
        with torch.inference_mode():
            requests = [self._request(number) for number in range(n_streams)]
            scheduler = Scheduler(self._model, max_joins=4)
            return self._spoken(scheduler, requests)

    def _request(self, number: int) -> Request:
        return Request(
            number=number,
            text=self._model.text.ids(TEXT, "en"),
            voice=self._model.voice(str(number), random_voice(number)),
            seed=number,
            chunk_tokens=_CHUNK_TOKENS,
            ahead=Lead(heard_s=1e6),
        )

    def _spoken(self, scheduler: Scheduler, requests: Sequence[Request]) -> Run:
        streams = {request.number: MarkedStream(self._marks) for request in requests}
        first: dict[int, float] = {}
        n_samples, began_s, began_cpu_s = 0, time.perf_counter(), time.process_time()
        for request in requests:
            scheduler.admit(request)
        while (events := scheduler.tick()) is not None:
            for event in events:
                if isinstance(event, Audio):
                    stream = streams[event.number]
                    n_samples += len(stream.push(event.samples, last=event.last))
                    first.setdefault(event.number, time.perf_counter() - began_s)
        return Run(
            first_s=[first[request.number] for request in requests],
            wall_s=time.perf_counter() - began_s,
            cpu_s=time.process_time() - began_cpu_s,
            audio_s=n_samples / SAMPLE_RATE_HZ,
        )


class Stock:
    """The stock class, one request after another.

    Args:
        folder: The checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        with small_classes():
            self._stock = load_stock(folder, "cpu")

    def run_once(self, number: int) -> Run:
        """One request."""
        self._stock.conds = stock_voice(random_voice(number))
        torch.manual_seed(number)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        first_s, n_samples = 0.0, 0
        stream = self._stock.generate_stream(
            TEXT, chunk_size=_STOCK_CHUNK_TOKENS, print_metrics=False
        )
        for samples, _ in stream:
            first_s = first_s or time.perf_counter() - began_s
            n_samples += samples.shape[-1]
        return Run(
            first_s=[first_s],
            wall_s=time.perf_counter() - began_s,
            cpu_s=time.process_time() - began_cpu_s,
            audio_s=n_samples / SAMPLE_RATE_HZ,
        )

    def run(self, once: Sequence[Run], n_streams: int) -> Run:
        """So many requests one after another, from the mean of `once`."""
        wall_s = float(np.mean([run.wall_s for run in once]))
        first_s = float(np.mean([run.first_s[0] for run in once]))
        return Run(
            first_s=[first_s + wall_s * number for number in range(n_streams)],
            wall_s=wall_s * n_streams,
            cpu_s=float(np.mean([run.cpu_s for run in once])) * n_streams,
            audio_s=float(np.mean([run.audio_s for run in once])) * n_streams,
        )


def compare(streams: Sequence[int], prompt_s: float, repeats: int) -> Iterator[str]:
    """The table, line by line."""
    folder = checkpoint()
    stock, ours = Stock(folder), Ours(folder, prompt_s, Watermarker())
    stock.run_once(0)  # warm
    ours.run(1)
    with counting() as counted_stock:
        counted_stock.audio_s = stock.run_once(1).audio_s
    once = [stock.run_once(number) for number in range(repeats)]
    yield _HEAD
    for n_streams in streams:
        yield stock.run(once, n_streams).row("stock", counted_stock)
    for n_streams in streams:
        with counting() as counted:
            counted.audio_s = ours.run(n_streams).audio_s
        runs = [ours.run(n_streams) for _ in range(repeats)]
        best = min(runs, key=lambda run: run.cpu_s)
        yield best.row("this engine", counted)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 8, 30])
    parser.add_argument("--prompt-s", type=float, default=10.0, help="of the engine; stock: 10")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("-o", type=Path, help="write the table here too")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    title = f"On {machine()}; clip of {options.prompt_s:g} s"
    lines = [title, ""]
    print(title + "\n", flush=True)
    for line in compare(options.streams, options.prompt_s, options.repeats):
        print(line, flush=True)
        lines.append(line)
    if options.o:
        options.o.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
