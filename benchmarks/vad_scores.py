"""Silero over many calls at once, each with a state of its own, for any way to treat it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio.level import level_db
from voice_agent.engines.base import Samples
from voice_agent.engines.onnx import bundled_model, open_session
from voice_agent.engines.silero import WINDOW_SAMPLES, VadStream, speech_probability
from voice_agent.turns.segmenter import Segmenter

_RATE = np.array(16_000, np.int64)
_CONTEXT = 64
_ROWS = 96


@dataclass(slots=True)
class Scored:
    """What a start rule looks at, window by window."""

    probabilities: list[float]
    levels_db: list[float]


def windows_of(samples: Samples) -> NDArray[np.float32]:
    """Whole windows, the last one filled up with silence."""
    missing = -len(samples) % WINDOW_SAMPLES
    return np.pad(samples, (0, missing)).reshape(-1, WINDOW_SAMPLES)


class Silero:
    """The model, called with rows that do not influence each other."""

    def __init__(self) -> None:
        path = bundled_model("pipecat", "audio/vad/data/silero_vad.onnx")
        self._session = open_session(path)

    def step(
        self, inputs: NDArray[np.float32], states: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities and new states of a row each."""
        found = self._session.run(None, {"input": inputs, "state": states, "sr": _RATE})
        return found[0][:, 0], found[1]

    def score(self, calls: Sequence[Samples], new: Callable[[], VadStream]) -> list[Scored]:
        """Each call through a stream of its own, as a session does it."""
        scored: list[Scored] = [Scored([], []) for _ in calls]
        order = sorted(range(len(calls)), key=lambda n: len(calls[n]))
        for first in range(0, len(order), _ROWS):
            batch = order[first : first + _ROWS]
            self._score([windows_of(calls[n]) for n in batch], [scored[n] for n in batch], new)
        return scored

    def _score(
        self,
        calls: list[NDArray[np.float32]],
        into: list[Scored],
        new: Callable[[], VadStream],
    ) -> None:
        streams = [new() for _ in calls]
        segmenters = [Segmenter() for _ in calls]
        for n in range(max(len(call) for call in calls)):
            going = [k for k, call in enumerate(calls) if n < len(call)]
            heard = [
                k for k in going if not streams[k].silent(calls[k][n]) or not segmenters[k].quiet
            ]
            found = dict.fromkeys(going, 0.0)
            if heard:
                inputs = np.stack(
                    [np.concatenate((streams[k].context, calls[k][n])) for k in heard]
                )
                states = np.stack([streams[k].state for k in heard], axis=1)
                probabilities, states = self.step(inputs, states)
                for row, k in enumerate(heard):
                    streams[k].state = states[:, row]
                    found[k] = speech_probability(float(probabilities[row]), calls[k][n])
            for k in going:
                streams[k].quiet = segmenters[k].quiet
                streams[k].context = calls[k][n][-_CONTEXT:]
                level = level_db(calls[k][n])
                streams[k].observe(found[k], level)
                segmenters[k].feed(found[k], level)
                into[k].probabilities.append(found[k])
                into[k].levels_db.append(level)


def states(rows: Sequence[Samples]) -> NDArray[np.float32]:
    """The model's state at the end of each row, float32 [2, rows, 128]."""
    silero, found = Silero(), []
    for row in rows:
        state, context = np.zeros((2, 1, 128), np.float32), np.zeros(_CONTEXT, np.float32)
        for window in windows_of(row):
            _, state = silero.step(np.concatenate((context, window))[None], state)
            context = window[-_CONTEXT:]
        found.append(state)
    return np.concatenate(found, axis=1)
