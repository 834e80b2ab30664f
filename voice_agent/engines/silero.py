"""Silero voice activity detection: one model for all sessions, run in batches.

The model takes windows of 512 samples (32 ms at 16 kHz) with the 64 samples before them,
and carries a state of 2 × 128 numbers a stream. Rows of a batch do not influence each
other, so the windows of many streams go through in one call: 0.046 ms a window for 30
streams against 0.113 ms alone, equal to the bit.

It runs on the event loop: a batch of 30 takes 1.4 ms, less than the two thread hops that
running elsewhere would cost each session.
"""

import asyncio
import base64
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from voice_agent.audio import dtmf
from voice_agent.audio.level import level_db
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, EngineInfo, Samples
from voice_agent.engines.onnx import bundled_model, open_session
from voice_agent.engines.silero_ready import READY_STATE
from voice_agent.errors import EngineUnavailable

WINDOW_SAMPLES = 512
WINDOW_S = WINDOW_SAMPLES / ASR_SAMPLE_RATE_HZ
_CONTEXT_SAMPLES = 64
_STATE_SIZE = 128
# rows of one call; more wait for the next, so that a call stays near 2 ms
_MAX_ROWS = 48
# How long the first window of a batch waits for others: a millisecond for each stream, so
# that a lone caller waits for nobody and 30 callers (a frame each 64 ms) fill a batch of 8.
_GATHER_S_PER_STREAM = 0.001
_GATHER_AT_MOST_S = 0.016
# A window without any sample above this (-60 dBFS) counts as silence while a stream is quiet,
# and the model does not look at it: at -50 dBFS it already missed 18 of 26 recordings. On 19
# recordings after four lengths of silence, 8 of 76 segments moved, by 64 ms at most. What a
# caller who listens costs comes down to nothing.
_SILENT_BELOW = 0.001
_MAY_BE_SPEECH = 0.25

# Which state the model is in decides how well it hears the next word. Music, noise or half a
# minute of silence leave it deaf: 1 s after 20 s of music on hold it missed 98 % of single
# words. Zeros, which Pipecat's analyzer puts in every 2 s, make it hard of hearing and start
# it falsely. So a stream begins with the state after a sentence, and goes back to it at rest
# once something else has sounded for long, or nothing has; not in the pauses of a conversation,
# in which its own state hears better, nor between short noises, which it would take for speech.
# Figures: benchmarks/results/vad.md.
_REST_BELOW = 0.1
_REST_BELOW_DB = -50.0
_REST_WINDOWS = 24  # 0.77 s
_LONG_REST_WINDOWS = 625  # 20 s
_SPEECH_ABOVE = 0.5
_LONG_SOUND_WINDOWS = 94  # 3 s


def _ready_state() -> NDArray[np.float32]:
    stored = np.frombuffer(base64.b64decode(READY_STATE), np.float16)
    return stored.astype(np.float32).reshape(2, _STATE_SIZE)


_READY = _ready_state()


def speech_probability(probability: float, window: Samples) -> float:
    """What the model says of a window, or 0 if that is the tone of a telephone's key.

    Keys made twenty of 29 false starts in an hour of noises.
    """
    if probability < _MAY_BE_SPEECH or not dtmf.are_key(window, ASR_SAMPLE_RATE_HZ):
        return probability
    return 0.0


@dataclass(slots=True, eq=False, weakref_slot=True)
class VadStream:
    """One session's place in the model.

    Attributes:
        quiet: Whether the session counts as not speaking; set by whoever decides that.
            The state is set back only while it is True.
        state: What the model remembers, float32 [2, 128]; never written in place.
        context: The last 64 samples.
        rest_windows: At rest in a row, until now.
        sound_windows: In a row that were neither at rest nor speech.
        stale: Whether the state is set back at the next rest.
    """

    quiet: bool = True
    state: NDArray[np.float32] = field(default_factory=lambda: _READY)
    context: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(_CONTEXT_SAMPLES, np.float32)
    )
    rest_windows: int = 0
    sound_windows: int = 0
    stale: bool = False

    @staticmethod
    def silent(samples: NDArray[np.float32]) -> bool:
        """Whether the model need not look at it while the stream is quiet."""
        return bool(np.abs(samples).max() < _SILENT_BELOW)

    def pass_over(self, window: NDArray[np.float32]) -> float:
        """Takes a silent window without the model's help; returns its probability."""
        self.context = window[-_CONTEXT_SAMPLES:]
        self.observe(0.0, level_db(window))
        return 0.0

    def observe(self, probability: float, loudness_db: float) -> None:
        """Follows what is heard, and sets the state back at rest when it is due."""
        rests = probability < _REST_BELOW and loudness_db < _REST_BELOW_DB
        self.rest_windows = self.rest_windows + 1 if rests else 0
        if rests or probability >= _SPEECH_ABOVE:
            self.sound_windows = 0
        else:
            self.sound_windows += 1
        if self.sound_windows >= _LONG_SOUND_WINDOWS:
            self.stale = True
        if self.rest_windows and self.rest_windows % _LONG_REST_WINDOWS == 0:
            self.stale = True
        if self.quiet and self.stale and self.rest_windows >= _REST_WINDOWS:
            self.state = _READY
            self.stale = False


@dataclass(slots=True, eq=False)
class _Request:
    stream: VadStream
    windows: NDArray[np.float32]
    done: "asyncio.Future[list[float]]"
    probabilities: list[float] = field(default_factory=list[float])


class SileroVad:
    """The shared model. Not thread-safe: use it from one event loop."""

    def __init__(self) -> None:
        self._session: Any = None
        self._rate = np.array(ASR_SAMPLE_RATE_HZ, dtype=np.int64)
        # bounded by the number of sessions: each awaits its request before the next
        self._waiting: list[_Request] = []
        self._streams: WeakSet[VadStream] = WeakSet()
        self._flush: asyncio.TimerHandle | None = None

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo(
            name="silero",
            role="judges_turns",
            model="silero_vad.onnx",
            precision="float32",
            sample_rate_hz=ASR_SAMPLE_RATE_HZ,
            why="finds speech; comes with pipecat-ai",
        )

    @property
    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._session is not None

    async def load(self) -> None:
        """Loads the model from the pipecat-ai wheel; raises EngineUnavailable without it."""
        path = bundled_model("pipecat", "audio/vad/data/silero_vad.onnx")
        self._session = await asyncio.to_thread(open_session, path)

    async def warm_up(self) -> None:
        """Runs one silent window."""
        await self.probabilities(VadStream(), np.zeros(WINDOW_SAMPLES, np.float32))

    async def close(self) -> None:
        """Refuses further windows."""
        self._session = None
        if self._flush is not None:
            self._flush.cancel()
        for request in self._waiting:
            if not request.done.done():
                request.done.set_exception(EngineUnavailable("silero is closed"))
        self._waiting.clear()

    def forget(self, session_id: str) -> None:
        """Nothing is kept for a session here: its `VadStream` is its own."""

    def open_stream(self) -> VadStream:
        """A place in the model for a session; let go of it when the session is over."""
        stream = VadStream()
        self._streams.add(stream)
        return stream

    async def probabilities(self, stream: VadStream, samples: Samples) -> list[float]:
        """Speech probability of each window of `samples`.

        Args:
            stream: The session's place in the model; one call at a time for each.
            samples: float32 mono 16 kHz; a multiple of `WINDOW_SAMPLES` long.

        Raises:
            EngineUnavailable: Not loaded, closed meanwhile, or the model failed.
        """
        if self._session is None:
            raise EngineUnavailable("silero is not loaded")
        windows = samples.reshape(-1, WINDOW_SAMPLES)
        if stream.quiet and stream.silent(samples):
            return [stream.pass_over(window) for window in windows]
        loop = asyncio.get_running_loop()
        request = _Request(stream=stream, windows=windows, done=loop.create_future())
        self._waiting.append(request)
        if self._flush is None:
            gather_s = min((len(self._streams) - 1) * _GATHER_S_PER_STREAM, _GATHER_AT_MOST_S)
            self._flush = loop.call_later(max(0.0, gather_s), self._run_waiting)
        return await request.done

    def _run_waiting(self) -> None:
        """Runs the next window of every waiting request in one batch."""
        self._flush = None
        batch = [r for r in self._waiting if not r.done.done()][:_MAX_ROWS]
        self._waiting = [r for r in self._waiting if not r.done.done() and r not in batch]
        if batch:
            self._serve(batch)
        if self._waiting:
            self._flush = asyncio.get_running_loop().call_later(0, self._run_waiting)

    def _serve(self, batch: list[_Request]) -> None:
        try:
            self._run(batch)
        except Exception as error:
            logger.exception("silero failed")
            for request in batch:
                request.done.set_exception(EngineUnavailable(f"silero failed: {error}"))
            return
        # rows served go to the end, so that a client that sends minutes at once does not
        # hold up the others
        self._waiting += [r for r in batch if len(r.probabilities) < len(r.windows)]
        for request in batch:
            if len(request.probabilities) == len(request.windows):
                request.done.set_result(request.probabilities)

    def _run(self, batch: list[_Request]) -> None:
        inputs = np.stack(
            [np.concatenate((r.stream.context, r.windows[len(r.probabilities)])) for r in batch]
        )
        states = np.stack([r.stream.state for r in batch], axis=1)
        outputs, states = self._session.run(
            None, {"input": inputs, "state": states, "sr": self._rate}
        )
        for row, request in enumerate(batch):
            stream = request.stream
            stream.state = states[:, row]
            stream.context = inputs[row, -_CONTEXT_SAMPLES:]
            window = request.windows[len(request.probabilities)]
            probability = speech_probability(float(outputs[row, 0]), window)
            request.probabilities.append(probability)
            stream.observe(probability, level_db(window))
