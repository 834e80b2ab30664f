"""Slower or faster speech at the same pitch, chunk by chunk."""

import math
from typing import Any

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

_SLOWEST_STAGE = 0.5  # the filter's own limit; slower is done in stages
_FRAME_S = 0.02  # the filter answers a frame when it has all of it: short ones wait less


class TimeStretch:
    """FFmpeg's `atempo`, which overlaps pieces of the waveform where they are most alike.

    The first audio comes 60 ms of input later. A stretch is used for one stream.

    Args:
        rate_hz: Of the samples.
        speed: 2.0 takes half the time; 0.25 to 4.
    """

    def __init__(self, rate_hz: int, speed: float) -> None:
        self._rate_hz = rate_hz
        self._n_pushed = 0
        n_stages = max(math.ceil(math.log(speed) / math.log(_SLOWEST_STAGE)), 1)
        self._graph = Graph()
        # the package declares arguments of this more narrowly than it takes them
        source: Any = self._graph.add_abuffer
        last = source(sample_rate=rate_hz, format="flt", layout="mono")
        for name, argument in [("atempo", f"{speed ** (1 / n_stages):.6f}")] * n_stages + [
            ("abuffersink", None)
        ]:
            stage = self._graph.add(name, argument)
            last.link_to(stage)
            last = stage
        self._graph.configure()

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Takes samples, gives what is ready of the stretched ones; may be none."""
        step = int(_FRAME_S * self._rate_hz)
        ready = [self._push(samples[at : at + step]) for at in range(0, len(samples), step)]
        return np.concatenate([np.zeros(0, np.float32), *ready])

    def finish(self) -> NDArray[np.float32]:
        """The rest; nothing can be pushed after it."""
        self._graph.push(None)
        return self._ready()

    def _push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.pts = self._n_pushed
        self._n_pushed += len(samples)
        self._graph.push(frame)
        return self._ready()

    def _ready(self) -> NDArray[np.float32]:
        pieces = [np.zeros(0, np.float32)]
        while True:
            try:
                frame: Any = self._graph.pull()
            except (BlockingIOError, EOFError):
                return np.concatenate(pieces)
            pieces.append(frame.to_ndarray()[0])
