"""How many streams of Chatterbox a GPU should carry: a model of its work, not a measurement.

``.venv/bin/python -m benchmarks.capacity`` prints the tables of docs/capacity.md, which has the
formulas. Operations were counted on the real modules, bytes follow from their shapes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from voice_agent.engines.chatterbox.spec import ENGLISH, TURBO, EngineSpec

_HEADS, _HEAD_SIZE, _BYTES = 16, 64, 2  # of both transformers, in bfloat16
_BANDWIDTH_SHARE, _MATRIX_SHARE = 0.8, 0.45  # of the data sheet's; assumed
_STEP_S, _EULER_S = 0.5e-3, 2e-3  # a step cannot be shorter: launches, with graphs; assumed
_CONTEXT, _CHUNK, _FIRST, _AHEAD = 25, 50, 10, 3  # speech tokens, the engine's defaults
_BATCH = 32
_TEXT_POSITIONS, _SPOKEN_POSITIONS = 60, 125  # of a sentence, half of it said


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A data sheet: bytes/s of memory, operations/s of dense bfloat16 matrices."""

    name: str
    bytes_s: float
    flops_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What of a model costs time.

    Attributes:
        name: See docs.
        spec: Its steps and rows.
        layers: Of the token model.
        weight_bytes: Read at every token.
    """

    name: str
    spec: EngineSpec
    layers: int
    weight_bytes: float

    @property
    def rows(self) -> int:
        """Rows of a slot."""
        return 2 if self.spec.guided else 1

    def slot_bytes(self, positions: int) -> int:
        """Keys and values of a slot."""
        return self.layers * 2 * self.rows * _HEADS * positions * _HEAD_SIZE * _BYTES


GPUS = (
    Gpu(name="H200", bytes_s=4.3e12, flops_s=790e12),
    Gpu(name="A100 80 GB", bytes_s=2.0e12, flops_s=312e12),
    Gpu(name="RTX 4090", bytes_s=1.0e12, flops_s=165e12),
)
VARIANTS = (
    Variant(name="English, Multilingual", spec=ENGLISH, layers=30, weight_bytes=1.02e9),
    Variant(name="Turbo", spec=TURBO, layers=24, weight_bytes=0.62e9),
)


def token_step_s(gpu: Gpu, variant: Variant, n: int) -> float:
    """A token of `n` streams: the weights once, and what each has said."""
    positions = variant.spec.prefix_positions + _TEXT_POSITIONS + _SPOKEN_POSITIONS
    read = variant.weight_bytes + n * variant.slot_bytes(positions)
    return _STEP_S + read / (_BANDWIDTH_SHARE * gpu.bytes_s)


def window_s(gpu: Gpu, variant: Variant, n: int, prompt_s: float, tokens: int) -> float:
    """A window of `n` streams: all Euler steps, and the vocoder."""
    frames = 2 * (25 * prompt_s + tokens)
    rows = n * (2 if variant.spec.flow_cfg else 1)
    flops = rows * frames * (130.4e6 + 0.1164e6 * frames)
    euler_s = max(_EULER_S, flops / (_MATRIX_SHARE * gpu.flops_s))
    return variant.spec.flow_steps * euler_s + 4.5e-3 + n * 0.4e-3


def real_time(gpu: Gpu, variant: Variant, n: int, prompt_s: float) -> float:
    """Seconds that the GPU works for a second of audio of `n` streams."""
    windows_a_second = 25 / _CHUNK
    per_window_s = window_s(gpu, variant, n, prompt_s, _CONTEXT + _CHUNK)
    return 25 * token_step_s(gpu, variant, n) + windows_a_second * per_window_s


def first_audio_s(gpu: Gpu, variant: Variant, n: int, prompt_s: float) -> float:
    """First audio when `n` streams begin at the same moment."""
    positions = variant.spec.prefix_positions + _TEXT_POSITIONS
    prefill = n * variant.rows * positions * variant.weight_bytes  # 2 operations a parameter
    prefill_s = 2e-3 + prefill / (_MATRIX_SHARE * gpu.flops_s)
    drawn_s = (_FIRST + _AHEAD) * token_step_s(gpu, variant, n)
    return prefill_s + drawn_s + window_s(gpu, variant, n, prompt_s, _FIRST) + 5e-3


def table() -> Iterator[str]:
    """A row for each GPU, variant and length of the clip."""
    first = "first audio, 1 / 8 / 30, ms"
    yield f"| GPU | model | clip | streams | real time at 32 | {first} | measured |"
    yield "|---|---|---|---|---|---|---|"
    for gpu in GPUS:
        for variant in VARIANTS:
            for prompt_s in (10, 5, 3):
                busy = real_time(gpu, variant, _BATCH, prompt_s)
                first = [1e3 * first_audio_s(gpu, variant, n, prompt_s) for n in (1, 8, 30)]
                yield (
                    f"| {gpu.name} | {variant.name} | {prompt_s} s | {_BATCH / busy:.0f} "
                    f"| {busy:.2f} | {' / '.join(f'{ms:.0f}' for ms in first)} | – |"
                )


def memory() -> Iterator[str]:
    """What a slot takes."""
    yield "| model | positions of a slot | MB a slot | GB at 32 slots |"
    yield "|---|---|---|---|"
    for variant in VARIANTS:
        positions = variant.spec.positions
        slot = variant.slot_bytes(positions)
        yield f"| {variant.name} | {positions:,} | {slot / 1e6:.0f} | {32 * slot / 1e9:.1f} |"


if __name__ == "__main__":
    print("\n".join([*table(), "", *memory()]))
