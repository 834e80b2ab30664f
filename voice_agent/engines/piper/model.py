"""A voice's model: five small graphs, each in onnxruntime, and the numpy between them.

It has no state, so that any number of threads may use it. Two threads in one run cost 55 %
more processor time than one, so each run has one thread, and two runs go on at once.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voice_agent.engines.base import Samples
from voice_agent.engines.onnx import open_session
from voice_agent.engines.piper.cuts import Parts, cut
from voice_agent.engines.piper.graph import BadGraph
from voice_agent.errors import EngineUnavailable

Floats = NDArray[np.float32]

_LEAD_FRAMES = 5
"""Silence before the first phoneme, at most: the model draws up to 36 frames (0.4 s) of it, all
of which a caller waits for. The first phoneme needs some to begin in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a clause is spoken.

    Attributes:
        length_scale: How slowly.
        noise_scale: How freely.
        noise_w: How freely the rhythm; above 0.5 some vowels last half a second.
        speaker: Number of the speaker, for a voice of several.
    """

    length_scale: float = 1.0
    noise_scale: float = 0.333
    noise_w: float = 0.333
    speaker: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All that is known of a clause before there is audio.

    Attributes:
        frames: How long each phoneme is.
        prior: The latent with its noise.
        condition: Of its speaker; None for a voice of one.
    """

    frames: Sequence[int]
    prior: Floats
    condition: Floats | None

    @property
    def n_frames(self) -> int:
        """How long it is."""
        return self.prior.shape[2]


class VitsModel:
    """The model.

    Args:
        parts: Of its graph.
    """

    def __init__(self, parts: Parts) -> None:
        self._layout = parts.layout
        self._names = parts.layout.names
        graphs = (parts.text, parts.flow, parts.head, parts.tail)
        self._text, self._flow, self._head, self._tail = _sessions(graphs)
        self._speaker: Any = open_session(parts.speaker) if parts.speaker else None
        self._asks_for = [{port.name for port in s.get_inputs()} for s in self._in_order()]
        self.hop_samples = parts.layout.hop_samples
        self.head_context = parts.layout.head_context

    def plan(self, ids: Sequence[int], manner: Manner, seed: int) -> Plan:
        """Finds out how long each phoneme is, and draws all the noise of a clause.

        Args:
            ids: Of its phonemes.
            manner: How it is spoken.
            seed: The same gives the same noise.
        """
        drawn, n_ids = np.random.default_rng(seed), len(ids)
        scales = (manner.noise_scale, manner.length_scale, manner.noise_w)
        condition = self._condition(manner.speaker)
        duration, mean, deviation = self._run(
            0,
            {
                "input": np.array([ids], np.int64),
                "input_lengths": np.array([n_ids], np.int64),
                "scales": np.array(scales, np.float32),
                self._names.duration_noise: drawn.standard_normal((1, 2, n_ids), np.float32),
                **self._conditioned(condition, tall=False),
            },
        )
        frames = _frames(duration[0, 0])
        prior = np.repeat(mean[0], frames, axis=1)
        spread = np.exp(np.repeat(deviation[0], frames, axis=1)) * np.float32(manner.noise_scale)
        prior += spread * drawn.standard_normal(prior.shape, np.float32)
        return Plan(frames=frames.tolist(), prior=prior[None], condition=condition)

    def latent(self, plan: Plan, first: int, last: int) -> Floats:
        """The flow of frames `first` up to `last`: what the decoder takes."""
        context = self._layout.flow_context
        start, end = max(0, first - context), min(plan.n_frames, last + context)
        piece = np.ascontiguousarray(plan.prior[:, :, None, start:end])
        mask = np.ones((1, 1, 1, end - start), np.float32)
        given = {self._names.prior: piece, self._names.mask: mask}
        (out,) = self._run(1, {**given, **self._conditioned(plan.condition, tall=True)})
        return out[:, :, :, first - start : last - start]

    def audio(self, plan: Plan, latent: Floats, first: int, last: int) -> Samples:
        """The audio of frames `first` up to `last`.

        Args:
            plan: Of the clause.
            latent: From its first frame to the end, or to `head_context` after `last`.
            first: Of the window.
            last: One past its last.
        """
        layout, condition = self._layout, self._conditioned(plan.condition, tall=True)
        start = max(0, first - layout.head_context)
        end = min(latent.shape[3], last + layout.head_context)
        piece = np.ascontiguousarray(latent[:, :, :, start:end])
        (stage,) = self._run(2, {self._names.latent: piece, **condition})
        per_frame = layout.hop_samples // layout.stage_samples
        low = max(0, (first - start) * per_frame - layout.tail_context)
        high = min(stage.shape[3], (last - start) * per_frame + layout.tail_context)
        piece = np.ascontiguousarray(stage[:, :, :, low:high])
        (out,) = self._run(3, {self._names.stage: piece, **condition})
        skipped = ((first - start) * per_frame - low) * layout.stage_samples
        return out.reshape(-1)[skipped : skipped + (last - first) * layout.hop_samples]

    def _condition(self, speaker: int) -> Floats | None:
        if self._speaker is None:
            return None
        (column,) = self._speaker.run(None, {"sid": np.array([speaker], np.int64)})
        return column.reshape(1, -1, 1)

    def _conditioned(self, condition: Floats | None, *, tall: bool) -> dict[str, Floats]:
        if condition is None:
            return {}
        return {self._names.condition: condition[:, :, None] if tall else condition}

    def _run(self, number: int, given: dict[str, NDArray[Any]]) -> list[Floats]:
        asked = self._asks_for[number]
        return self._in_order()[number].run(
            None, {name: array for name, array in given.items() if name in asked}
        )

    def _in_order(self) -> tuple[Any, Any, Any, Any]:
        return self._text, self._flow, self._head, self._tail


def load_model(path: Path, sha256: str = "") -> VitsModel:
    """Reads a voice's file.

    Args:
        path: Of it.
        sha256: What it has to be; empty if that is not known.

    Raises:
        EngineUnavailable: It cannot be read, is not what it should be, or no such model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EngineUnavailable(f"{path} cannot be read: {error.strerror}") from error
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise EngineUnavailable(f"{path} is not the official file: copy or pull the voice again")
    try:
        return VitsModel(cut(data))
    except BadGraph as error:
        raise EngineUnavailable(f"{path} cannot be used: {error}") from error
    except Exception as error:  # onnxruntime has no class of its own for a graph that is none
        raise EngineUnavailable(f"{path} cannot be used: {error}") from error


def _frames(duration: Floats) -> NDArray[np.int64]:
    frames = np.ceil(duration).astype(np.int64)
    frames[1] = min(frames[1], _LEAD_FRAMES)
    frames[0] = min(frames[0], _LEAD_FRAMES - frames[1])
    if not frames.any():
        frames[0] = 1
    return frames


def _sessions(graphs: Sequence[bytes]) -> list[Any]:
    """Sessions on graphs that lie in files meanwhile: from bytes, each takes 68 MB more."""
    try:
        with tempfile.TemporaryDirectory(prefix="voice-agent-piper-") as folder:
            sessions: list[Any] = []
            for number, graph in enumerate(graphs):
                path = Path(folder) / f"{number}.onnx"
                path.write_bytes(graph)
                sessions.append(open_session(path))
            return sessions
    except OSError:  # no room, or no folder that can be written to
        return [open_session(graph) for graph in graphs]
