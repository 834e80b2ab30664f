"""From speech tokens to spectrograms for many streams in one batch, step by step.

Drives the stock modules without the stock loops, which read tensors on the host 142 times
a chunk and know one request only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from voice_agent.engines.chatterbox.conformer import run_layers
from voice_agent.engines.chatterbox.estimator import Estimator
from voice_agent.engines.chatterbox.spec import FRAMES_PER_TOKEN, EngineSpec
from voice_agent.engines.chatterbox.tensors import Tensor, functional, torch

N_MELS = 80
_NOISE_FRAMES = 50 * 300  # five minutes, as in the stock code; an utterance has 50 s at most


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVoice:
    """What the decoder takes of a voice; on the device.

    Attributes:
        tokens: int64 [n], of the clip.
        frames: float32 [2n, 80], its spectrogram.
        speaker: float32 [192].
    """

    tokens: Tensor
    frames: Tensor
    speaker: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Tokens of one stream that are rendered together.

    Attributes:
        tokens: Of the stream, from `first` on.
        first: Index of the first one in the stream: noise belongs to a place in the
            stream, not in the window, so that a frame rendered twice comes out alike.
        last: The stream ends here. Otherwise the last three tokens are only looked at.
        voice: Whose.
    """

    tokens: Sequence[int]
    first: int
    last: bool
    voice: FlowVoice


@dataclass(slots=True, kw_only=True)
class FlowBatch:
    """Windows on their way from noise to spectrograms; N rows, T frames with their prompts.

    What the network is shown beside the state has R rows: N, or with guidance 2N, of which the
    second half shows nothing.

    Attributes:
        state: float32 [N, 80, T], the noise that becomes a spectrogram.
        encoded: [R, 80, T].
        speaker: [R, 80].
        prompt: [R, 80, T], spectrograms of the clips, zero behind them.
        visible: bool [R, 1, 1, T], which frames a row has; None if all have T.
        spans: Of each row, where its frames begin behind the prompt, and where they end.
        n_steps: How many steps it takes.
        step: How many it has made.
    """

    state: Tensor
    encoded: Tensor
    speaker: Tensor
    prompt: Tensor
    visible: Tensor | None
    spans: list[tuple[int, int]]
    n_steps: int
    step: int = 0

    @property
    def done(self) -> bool:
        """All steps are made."""
        return self.step == self.n_steps

    def spectrograms(self) -> list[Tensor]:
        """float32 [80, frames] of each window, the prompt left away."""
        return [self.state[i, :, start:end] for i, (start, end) in enumerate(self.spans)]


class Flow:
    """The decoder.

    Every method but the constructor has to be called in inference mode by one thread.

    Args:
        flow: The stock module, in float32.
        spec: Guidance and spacing of steps.
        device: Where it is.
        dtype: Of the estimator; what it solves stays float32.
        noise: float32 [80, frames] of a stream with its prompt; None draws it.
    """

    def __init__(
        self, flow: Any, spec: EngineSpec, *, device: str, dtype: Any, noise: Tensor = None
    ) -> None:
        self._flow = flow
        self._guidance = spec.flow_cfg
        self._mean_flow = spec.mean_flow
        self._device = device
        self._dtype = dtype
        self._estimator = Estimator(flow.decoder.estimator, dtype)
        if noise is None:
            # one for all streams and for all times, as in the stock code
            generator = torch.Generator().manual_seed(0)
            noise = torch.randn(N_MELS, _NOISE_FRAMES, generator=generator)
        self._noise = noise.to(device)
        self._times: dict[int, Tensor] = {}

    def begin(self, windows: Sequence[Window], n_steps: int) -> FlowBatch:
        """Encodes windows and sets out from noise.

        Args:
            windows: One for each row.
            n_steps: Euler steps to take.
        """
        prompts = [len(window.voice.tokens) for window in windows]
        lengths = [p + len(w.tokens) for p, w in zip(prompts, windows, strict=True)]
        ahead = self._flow.pre_lookahead_len
        ends = [n if w.last else n - ahead for n, w in zip(lengths, windows, strict=True)]
        n_frames = FRAMES_PER_TOKEN * max(ends)
        encoded = self._encode(windows, lengths)[:, :n_frames]
        encoded = self._flow.encoder_proj(encoded).transpose(1, 2)
        shape = (len(windows), N_MELS, n_frames)
        state = torch.zeros(shape, device=self._device)
        prompt = torch.zeros(shape, device=self._device)
        spans: list[tuple[int, int]] = []
        for i, window in enumerate(windows):
            start, end = FRAMES_PER_TOKEN * prompts[i], FRAMES_PER_TOKEN * ends[i]
            prompt[i, :, :start] = window.voice.frames.T
            state[i, :, :start] = self._noise[:, :start]
            first = start + FRAMES_PER_TOKEN * window.first
            state[i, :, start:end] = self._noise[:, first : first + end - start]
            spans.append((start, end))
        speakers = torch.stack([window.voice.speaker for window in windows])
        speaker = self._flow.spk_embed_affine_layer(functional.normalize(speakers, dim=1))
        visible = None
        if min(ends) != max(ends):
            visible = _mask([end for _, end in spans], n_frames, self._device)[:, None]
        if self._guidance:
            encoded, speaker, prompt = (
                torch.cat([shown, torch.zeros_like(shown)]) for shown in (encoded, speaker, prompt)
            )
            visible = None if visible is None else torch.cat([visible, visible])
        return FlowBatch(
            state=state,
            encoded=encoded,
            speaker=speaker,
            prompt=prompt,
            visible=visible,
            spans=spans,
            n_steps=n_steps,
        )

    def advance(self, batch: FlowBatch) -> None:
        """Takes one Euler step."""
        times = self._schedule(batch.n_steps)
        now, then = times[batch.step], times[batch.step + 1]
        slope = self._slope(batch, now, then)
        batch.state = batch.state + (then - now) * slope
        batch.step += 1

    def _slope(self, batch: FlowBatch, now: Tensor, then: Tensor) -> Tensor:
        state = torch.cat([batch.state, batch.state]) if self._guidance else batch.state
        shown = (batch.encoded, batch.speaker, batch.prompt)
        slope = self._estimator(state, *shown, batch.visible, now=now, then=then).float()
        if not self._guidance:
            return slope
        guided, unguided = slope.chunk(2)
        return (1 + self._guidance) * guided - self._guidance * unguided

    def _schedule(self, n_steps: int) -> Tensor:
        """Times from 0 to 1, float32 [n_steps + 1]: small steps first, unless distilled."""
        if n_steps not in self._times:
            even = torch.linspace(0, 1, n_steps + 1, device=self._device)
            bent = 1 - torch.cos(even * (0.5 * torch.pi))
            self._times[n_steps] = even if self._mean_flow else bent
        return self._times[n_steps]

    def _encode(self, windows: Sequence[Window], lengths: Sequence[int]) -> Tensor:
        """The conformer's output, [N, 2 · longest, 512]."""
        encoder, longest = self._flow.encoder, max(lengths)
        ids = torch.zeros(len(windows), longest, dtype=torch.int64)
        for i, window in enumerate(windows):
            ids[i, lengths[i] - len(window.tokens) : lengths[i]] = torch.tensor(window.tokens)
        ids = ids.to(self._device, non_blocking=True)
        for i, window in enumerate(windows):
            ids[i, : len(window.voice.tokens)] = window.voice.tokens
        there = _mask(lengths, longest, self._device)
        kept = there.transpose(1, 2)
        hidden, where, _ = encoder.embed(self._flow.input_embedding(ids) * kept, there)
        # embedding makes something of nothing: short rows would look ahead at it
        hidden = encoder.pre_lookahead_layer(hidden * kept)
        hidden = run_layers(encoder.encoders, hidden, there, where)
        there = there.repeat_interleave(FRAMES_PER_TOKEN, 2)
        hidden, _ = encoder.up_layer(hidden.transpose(1, 2), lengths[0])
        hidden, where, _ = encoder.up_embed(hidden.transpose(1, 2), there)
        hidden = run_layers(encoder.up_encoders, hidden, there, where)
        return encoder.after_norm(hidden)


def _mask(lengths: Sequence[int], longest: int, device: str) -> Tensor:
    """bool [N, 1, longest]: which places are filled."""
    at = torch.arange(longest, device=device)
    return (at < torch.tensor(lengths, device=device)[:, None])[:, None]
