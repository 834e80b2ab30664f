"""From spectrograms to audio, chunk by chunk, as if it had been one piece.

The stock code starts anew with every chunk: another phase, other harmonics, and a fade from
silence, which is heard as a dip. Here a stream carries its phase and source signal on, a
chunk is rendered with what came before it in view, and what the last chunk already rendered
of it fades into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from voice_agent.engines.chatterbox import counter_rng
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from voice_agent.engines.chatterbox.tensors import Tensor, torch

CONTEXT_FRAMES = 14
"""A frame of audio depends on 13 spectrogram frames before and after it (measured)."""
EXACT_HOLD_FRAMES = 18
"""Held back so many, a chunk is as in one piece: those 13 and 5 that their pitch depends on."""
HOLD_FRAMES = 8
"""Held back by default, 160 ms: what is further away changes a sample by less than 1 %."""
FADE_SAMPLES = SAMPLES_PER_FRAME
"""20 ms, over which one rendering of a place goes over into the next one's."""
_SILENT_SAMPLES = SAMPLE_RATE_HZ // 50
"""20 ms of silence at the start and as much of a fade: as stock does, against spill of the clip."""


@dataclass(slots=True, kw_only=True)
class VocoderState:
    """Where a stream stands; made by `Vocoder.start`.

    Attributes:
        seed: Of its noise and the phases of its harmonics.
        phase: float64 [harmonics, 1], in cycles, at the end of what was sent.
        frames: float32 [80, up to CONTEXT_FRAMES], the last that were sent.
        source: float32 [1, samples of `frames`], their excitation.
        tail: float32 [FADE_SAMPLES or 0], audio rendered behind what was sent.
        n_sent: Frames that were sent.
    """

    seed: int
    phase: Tensor
    frames: Tensor
    source: Tensor
    tail: Tensor
    n_sent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VocoderJob:
    """A stream's next frames.

    Attributes:
        state: Its state; the job moves it on.
        frames: float32 [80, n], from the first one that was not sent.
        hold: How many of them are rendered but not sent; 0 at the end of the stream.
    """

    state: VocoderState
    frames: Tensor
    hold: int


class Vocoder:
    """The vocoder.

    Every method but the constructor has to be called in inference mode by one thread.

    Args:
        stock: The stock module, float32, its weight normalisation folded.
        device: Where it is.
    """

    def __init__(self, stock: Any, device: str) -> None:
        self._stock = stock
        self._device = device
        self._sines = stock.m_source.l_sin_gen
        self._n_harmonics = self._sines.harmonic_num + 1
        self._multiples = torch.arange(1, self._n_harmonics + 1, device=device)[:, None]
        ramp = torch.linspace(0, 1, FADE_SAMPLES + 2, device=device)[1:-1]
        self._fade_in = ramp
        start = torch.zeros(2 * _SILENT_SAMPLES, device=device)
        angles = torch.linspace(torch.pi, 0, _SILENT_SAMPLES, device=device)
        start[_SILENT_SAMPLES:] = (torch.cos(angles) + 1) / 2
        self._start = start

    def start(self, seed: int) -> VocoderState:
        """The state of a stream that has said nothing."""

        def nothing(*shape: int, dtype: Any = torch.float32) -> Tensor:
            return torch.zeros(*shape, dtype=dtype, device=self._device)

        n_mels = self._stock.conv_pre.in_channels
        return VocoderState(
            seed=seed,
            phase=nothing(self._n_harmonics, 1, dtype=torch.float64),
            frames=nothing(n_mels, 0),
            source=nothing(1, 0),
            tail=nothing(0),
        )

    def render(self, jobs: Sequence[VocoderJob]) -> list[Tensor]:
        """Renders jobs, those of equal lengths in one batch.

        Returns:
            float32 [samples] of each job, on the device; may be empty, if all is held.
        """
        alike: dict[tuple[int, int], list[int]] = {}
        for i, job in enumerate(jobs):
            alike.setdefault((job.state.frames.shape[1], job.frames.shape[1]), []).append(i)
        rendered: dict[int, Tensor] = {}
        for numbers in alike.values():
            audio = self._render([jobs[i] for i in numbers])
            rendered.update(zip(numbers, audio, strict=True))
        return [rendered[i] for i in range(len(jobs))]

    def _render(self, jobs: Sequence[VocoderJob]) -> list[Tensor]:
        states = [job.state for job in jobs]
        before = states[0].frames.shape[1]
        frames = torch.stack([torch.cat([job.state.frames, job.frames], 1) for job in jobs])
        pitch = self._stock.f0_predictor(frames)[:, before:]
        source, phases = self._excite(pitch, states)
        source = torch.cat([torch.stack([state.source for state in states]), source], 2)
        audio = self._stock.decode(x=frames, s=source)[:, before * SAMPLES_PER_FRAME :]
        sent: list[Tensor] = []
        for i, job in enumerate(jobs):
            n_sent = job.frames.shape[1] - job.hold
            sent.append(self._join(job.state, audio[i], n_sent))
            _move(job.state, frames[i], source[i], phases[i], before, n_sent)
        return sent

    def _excite(self, pitch: Tensor, states: Sequence[VocoderState]) -> tuple[Tensor, Tensor]:
        """The excitation for pitches.

        Args:
            pitch: float32 [N, n], Hz, of the new frames.
            states: Where the streams stand.

        Returns:
            float32 [N, 1, samples]; and float64 [N, harmonics, samples], the phase in
            cycles behind each sample.
        """
        sines = self._sines
        seeds = torch.tensor([state.seed for state in states])
        seeds = seeds.to(self._device, non_blocking=True)[:, None, None]
        hertz = pitch.repeat_interleave(SAMPLES_PER_FRAME, 1)[:, None]
        turns = (hertz * self._multiples / SAMPLE_RATE_HZ).double()
        cycles = torch.stack([state.phase for state in states]) + turns.cumsum(2)
        offset = counter_rng.uniform(seeds, self._multiples[None]) - 0.5
        offset[:, 0] = 0  # the fundamental starts as it is
        voiced = (hertz > sines.voiced_threshold).float()
        waves = sines.sine_amp * torch.sin(2 * torch.pi * ((cycles % 1).float() + offset))
        loudness = voiced * sines.noise_std + (1 - voiced) * sines.sine_amp / 3
        waves = waves * voiced + loudness * self._noise(seeds, states, hertz.shape[2])
        mixed = self._stock.m_source.l_linear(waves.transpose(1, 2))
        return torch.tanh(mixed).transpose(1, 2), cycles

    def _noise(self, seeds: Tensor, states: Sequence[VocoderState], n_samples: int) -> Tensor:
        """Normal noise that belongs to places of the streams, [N, harmonics, n_samples]."""
        starts = torch.tensor([state.n_sent * SAMPLES_PER_FRAME for state in states])
        at = starts.to(self._device, non_blocking=True)[:, None, None]
        at = at + torch.arange(n_samples, device=self._device)
        return counter_rng.normal(seeds, (at + 1) * (self._n_harmonics + 1) + self._multiples)

    def _join(self, state: VocoderState, audio: Tensor, n_sent: int) -> Tensor:
        """Cuts off what is held, fades from what the last rendering had of this place."""
        end = n_sent * SAMPLES_PER_FRAME
        if len(state.tail) and len(audio):
            n_faded = min(len(state.tail), len(audio))
            faded = _cross_fade(state.tail[:n_faded], audio[:n_faded], self._fade_in[:n_faded])
            audio = torch.cat([faded, audio[n_faded:]])
        if state.n_sent == 0:
            n_start = min(len(self._start), len(audio))
            audio = torch.cat([audio[:n_start] * self._start[:n_start], audio[n_start:]])
        if n_sent:
            state.tail = audio[end : end + FADE_SAMPLES].clone()
        return audio[:end]


def _move(
    state: VocoderState, frames: Tensor, source: Tensor, cycles: Tensor, before: int, n_sent: int
) -> None:
    """Moves a state behind `n_sent` new frames; arguments have `before` old frames in front."""
    if not n_sent:
        return
    end = before + n_sent
    start = max(end - CONTEXT_FRAMES, 0)
    state.frames = frames[:, start:end].clone()
    state.source = source[:, start * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME].clone()
    state.phase = cycles[:, n_sent * SAMPLES_PER_FRAME - 1 :][:, :1] % 1
    state.n_sent += n_sent


def _cross_fade(old: Tensor, new: Tensor, ramp: Tensor) -> Tensor:
    """Goes from one to the other with the power of neither gone or doubled.

    Equal power is sine and cosine only between sounds that have nothing in common; the more
    alike they are, the nearer it comes to a straight line. Two that are equal stay as is.
    """
    power = torch.sqrt(old.square().sum() * new.square().sum()).clamp_(min=1e-12)
    likeness = ((old * new).sum() / power).clamp_(0, 1)
    gain = torch.rsqrt(ramp.square() + (1 - ramp).square() + 2 * likeness * ramp * (1 - ramp))
    return gain * (old * (1 - ramp) + new * ramp)
