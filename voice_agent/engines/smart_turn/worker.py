"""One Smart Turn model in a process of its own.

Its own process, because a verdict is many short steps in numpy and onnxruntime, each of which
takes Python's interpreter lock again: beside the event loop of thirty sessions it took two to
three times as long.

Requests come on stdin, answers go to stdout, one at a time. A request is a JSON line with a
field ``bytes`` and that many bytes of float32 mono 16 kHz audio, at most 8 s; an answer is
``{"probability": p}``. Ends when stdin ends.
"""

import json
import sys
from typing import Any, BinaryIO

import numpy as np
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]  it has none

from voice_agent.audio.mel import log_mel, normalise
from voice_agent.engines.base import Samples
from voice_agent.engines.onnx import bundled_model, open_session
from voice_agent.engines.smart_turn.model import INPUT_SAMPLES, MODEL


class Worker:
    """The model."""

    def __init__(self) -> None:
        self._session: Any = open_session(bundled_model("pipecat", MODEL))

    def judge(self, samples: Samples) -> float:
        """Probability that the turn is complete."""
        padded = np.zeros(INPUT_SAMPLES, np.float32)
        if len(samples):
            padded[-len(samples) :] = samples
        features = log_mel(normalise(padded))[None]
        (probability,) = self._session.run(None, {"input_features": features})
        return float(probability.reshape(-1)[0])


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers requests until there are no more."""
    # Between two small products the threads of numpy's BLAS spin: a verdict took 82 ms of
    # processor time with two of them, and takes 41 ms with one.
    threadpool_limits(limits=1, user_api="blas")
    worker = Worker()
    _answer(answers, {"ready": True})
    while line := requests.readline():
        audio = requests.read(json.loads(line)["bytes"])
        _answer(answers, {"probability": worker.judge(np.frombuffer(audio, np.float32))})


def _answer(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
