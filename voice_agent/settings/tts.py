"""Text to speech."""

from typing import Literal

from pydantic import Field

from voice_agent.settings.group import Group, Positive


class TtsSettings(Group):
    """Text to speech."""

    engine: str = "auto"
    """`auto`, `chatterbox`, `piper`, `espeak` or `remote`."""
    model: str = ""
    """Name or folder of the model; empty lets the engine choose."""
    url: str = ""
    """WebSocket addresses of TTS services, separated by commas, for `remote`; the first that
    answers and has room is used."""
    voice: str = "default"
    """Voice used when a request names none."""
    max_text_chars: int = Field(default=5000, ge=1)
    """Characters one synthesis may have."""
    speakable: bool = True
    """Numbers, dates, addresses, markup and the like are put into words before they are spoken."""
    max_ahead_s: Positive = 10.0
    """Synthesis pauses when this much audio waits for a slow reader."""
    max_pending_requests: int = Field(default=32, ge=1)
    """Requests of one session that may wait for their turn."""


class PiperSettings(Group):
    """Piper's voices, when they speak; `tts.model` is the folder or name of the default one."""

    threads: int = Field(default=0, ge=0, le=64)
    """Windows of speech that are made at once, each on a core; 0 takes two if there are."""
    noise_scale: float = Field(default=0.333, ge=0, le=2)
    """How freely it speaks; at the voices' own 0.667 Whisper hears half as many words again
    wrongly (benchmarks/results/piper.md)."""
    noise_w: float = Field(default=0.333, ge=0, le=2)
    """How freely its rhythm; above 0.5 some sounds last half a second."""
    ahead_s: float = Field(default=2.0, ge=0.5, le=10)
    """A text waits while this much audio of it was not taken."""


class ChatterboxSettings(Group):
    """Chatterbox, when it is the engine that speaks; `tts.model` is its folder."""

    variant: Literal["auto", "english", "multilingual", "turbo"] = "auto"
    """Which model the folder holds; `auto` looks at its files."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    """Where it runs: `cpu`, `cuda`, `cuda:1`, …; `auto` takes a GPU if there is one."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of its transformers; `auto` is bfloat16 on a GPU and float32 on a CPU."""
    threads: int = Field(default=0, ge=0, le=256)
    """CPU threads of the model; 0 leaves it to torch."""
    slots: int = Field(default=32, ge=1, le=64)
    """Texts that are spoken at once; more wait. Each takes 0.3 GB of a GPU."""
    max_batch: int = Field(default=32, ge=1, le=64)
    """Chunks that are rendered together at most."""
    prompt_s: float = Field(default=10.0, ge=1, le=10)
    """Seconds of a voice's clip that every chunk is rendered with: 3 costs 2.7 times less
    than 10, and the voice may be less alike."""
    context_s: float = Field(default=1.0, ge=0.2, le=4)
    """Speech before a chunk that it is rendered with."""
    flow_steps: int = Field(default=0, ge=0, le=50)
    """Steps from noise to a spectrogram; 0 is the model's own number (10)."""
    first_flow_steps: int = Field(default=0, ge=0, le=50)
    """The same for the first chunk of a text; fewer are heard sooner, and less clear."""
    cfg_weight: float = Field(default=0.5, ge=0, le=2)
    """How strictly it keeps to the text; lower is slower and calmer speech."""
    temperature: float = Field(default=0.8, gt=0, le=2)
    """How freely it speaks."""
    ahead_s: float = Field(default=3.0, ge=1, le=10)
    """A text waits while this much audio of it was not taken."""
    watermark: bool = True
    """Mark all audio as synthetic, not audibly (Perth)."""
