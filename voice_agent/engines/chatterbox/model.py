"""The whole model on one device: what the scheduler drives, made from a checkpoint."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.checkpoint import CheckpointFiles
from voice_agent.engines.chatterbox.flow import Flow, FlowBatch, Window
from voice_agent.engines.chatterbox.hift import HOLD_FRAMES, Vocoder, VocoderJob, VocoderState
from voice_agent.engines.chatterbox.s3gen_modules import build_s3gen
from voice_agent.engines.chatterbox.spec import FRAMES_PER_TOKEN, LOOK_AHEAD_TOKENS
from voice_agent.engines.chatterbox.t3 import T3
from voice_agent.engines.chatterbox.t3_weights import read_t3
from voice_agent.engines.chatterbox.tensors import Tensor, torch
from voice_agent.engines.chatterbox.text import TextIds
from voice_agent.engines.chatterbox.utterance import Request, Utterance
from voice_agent.engines.chatterbox.voices import (
    Arrays,
    Conditioner,
    Voice,
    make_voice,
    read_own_voice,
)
from voice_agent.engines.chatterbox.weights import build, read_state
from voice_agent.engines.chatterbox.windows import ChunkWindow

_MAX_VOICES = 256  # on the device, 0.2 MB each; the ones not used for longest go


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """How to run a checkpoint.

    Attributes:
        device: `cpu`, `cuda`, `cuda:1`, …
        precision: `float32`, `bfloat16` or `float16`, of the two transformers; spectrograms
            are solved and audio is made in float32.
        slots: Utterances that are drawn at once.
        positions: Longest sequence of one: voice, text and speech; 0 for the model's own.
        prompt_s: Seconds of a clip that the decoder is shown.
        flow_steps: Euler steps of a window; 0 is the model's own number.
        first_flow_steps: The same for first windows.
    """

    device: str = "cpu"
    precision: str = "float32"
    slots: int = 32
    positions: int = 0
    prompt_s: float = 10.0
    flow_steps: int = 0
    first_flow_steps: int = 0


class ChatterboxModel:
    """A loaded checkpoint; see `contract.Model`.

    All but `conditioner`, `text` and `own_voice` belongs to one thread, in inference mode.

    Args:
        files: The checkpoint.
        options: How to run it.
        noise: float32 [80, frames], what spectrograms come from; None draws it.

    Raises:
        EngineUnavailable: The weights do not fit.
    """

    def __init__(
        self, files: CheckpointFiles, options: ModelOptions, *, noise: Tensor = None
    ) -> None:
        spec, device = files.spec, options.device
        dtype = getattr(torch, options.precision)
        self._spec = spec
        self._options = options
        positions = options.positions or spec.positions
        weights = read_t3(
            read_state(files.parts["t3"]),
            spec,
            device=device,
            dtype=dtype,
            positions=positions,
        )
        self._t3 = T3(weights, spec, slots=options.slots, positions=positions)
        modules = build_s3gen(read_state(files.parts["s3gen"]), device)
        self._flow = Flow(modules.flow, spec, device=device, dtype=dtype, noise=noise)
        self._vocoder = Vocoder(modules.vocoder, device)
        self._voices: OrderedDict[str, Voice] = OrderedDict()
        stock: Any = import_module("chatterbox.models.voice_encoder")
        encoder = build(stock.VoiceEncoder, read_state(files.parts["ve"]), device=device)
        self.conditioner = Conditioner(modules.tokenizer, modules.speaker, encoder, spec)
        self.text = TextIds(files)
        self.own_voice: Arrays | None = None
        if "voice" in files.parts:
            self.own_voice = read_own_voice(files.parts["voice"])
        self._cuda = device.startswith("cuda")

    @property
    def slots(self) -> int:
        """See `contract.Model`."""
        return self._options.slots

    @property
    def late_steps(self) -> int:
        """With CUDA, tokens are read while the next step runs."""
        return 1 if self._cuda else 0

    def capture(self) -> None:
        """Makes CUDA graphs, where there is CUDA; before the first utterance."""
        if self._cuda:
            self._t3.capture()

    def voice(self, key: str, arrays: Arrays) -> Voice:
        """A voice on the device, by its id and version."""
        voice = self._voices.get(key)
        if voice is None:
            options = self._options
            voice = make_voice(key, arrays, device=options.device, prompt_s=options.prompt_s)
            self._voices[key] = voice
            while len(self._voices) > _MAX_VOICES:
                self._voices.popitem(last=False)
        self._voices.move_to_end(key)
        return voice

    def join(self, slot: int, request: Request) -> None:
        """See `contract.Model`."""
        voice: Voice = request.voice
        emotion = request.emotion if self._spec.emotional else 0.0
        prefix = self._t3.prefix((voice.key, emotion), voice.conditions(emotion))
        self._t3.join(slot, prefix, request.text, request.sampling, request.seed)

    def step(self, going: Sequence[int]) -> Callable[[], Sequence[int]]:
        """See `contract.Model`."""
        tokens = self._t3.step(going)
        if not self._cuda:
            return tokens.tolist
        there = torch.empty(tokens.shape, dtype=tokens.dtype, pin_memory=True)
        there.copy_(tokens, non_blocking=True)
        copied = torch.cuda.Event()
        copied.record()

        def read() -> Sequence[int]:
            copied.synchronize()
            return there.tolist()

        return read

    def is_stop(self, token: int) -> bool:
        """See `contract.Model`."""
        return token == self._spec.stop_speech

    def start_vocoder(self, seed: int) -> VocoderState:
        """See `contract.Model`."""
        return self._vocoder.start(seed)

    def length(self, utterance: Utterance, cut: ChunkWindow) -> int:
        """See `contract.Model`."""
        ahead = 0 if cut.last else LOOK_AHEAD_TOKENS
        return len(utterance.request.voice.flow.tokens) + cut.end + ahead - cut.start

    def begin(self, windows: Sequence[tuple[Utterance, ChunkWindow]], *, first: bool) -> FlowBatch:
        """See `contract.Model`."""
        options = self._options
        n_steps = (options.first_flow_steps if first else 0) or options.flow_steps
        return self._flow.begin(
            [self._window(*row) for row in windows], n_steps or self._spec.flow_steps
        )

    def advance(self, batch: FlowBatch) -> bool:
        """See `contract.Model`."""
        self._flow.advance(batch)
        return batch.done

    def finish(
        self, batch: FlowBatch, wanted: Sequence[tuple[int, Utterance, ChunkWindow]]
    ) -> list[tuple[Samples, int]]:
        """See `contract.Model`."""
        frames = batch.spectrograms()
        jobs = [
            VocoderJob(
                state=utterance.vocoder,
                # what was rendered before is replaced from where audio was not sent yet
                frames=frames[i][:, utterance.n_sent_frames - FRAMES_PER_TOKEN * cut.start :],
                hold=0 if cut.last else HOLD_FRAMES,
            )
            for i, utterance, cut in wanted
        ]
        audio = [samples.cpu().numpy() for samples in self._vocoder.render(jobs)]
        return [
            (samples, job.frames.shape[1] - job.hold)
            for samples, job in zip(audio, jobs, strict=True)
        ]

    def _window(self, utterance: Utterance, cut: ChunkWindow) -> Window:
        end = cut.end + (0 if cut.last else LOOK_AHEAD_TOKENS)
        tokens = utterance.tokens[cut.start : end]
        if cut.last:
            tokens = [*tokens, *self._spec.tail]
        voice: Voice = utterance.request.voice
        return Window(tokens=tokens, first=cut.start, last=cut.last, voice=voice.flow)
