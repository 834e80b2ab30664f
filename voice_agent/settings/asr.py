"""Speech to text."""

from typing import Annotated, Literal

from pydantic import Field

from voice_agent.settings.group import Group, Positive

WindowLength = Literal["auto", "full"] | Annotated[float, Field(ge=1, le=30)]
"""How much audio a model is shown at least: a choice, or seconds."""


class AsrSettings(Group):
    """Speech to text."""

    engine: str = "auto"
    """`auto`, `whisper` or `remote`."""
    model: str = ""
    """Name or folder of the model; empty lets the engine choose."""
    language: str = "en"
    """Language of sessions that name none; `auto` detects it in every turn."""
    url: str = ""
    """WebSocket addresses of ASR services, separated by commas, for `remote`; the first that
    answers and has room is used."""
    silence_ms: int = Field(default=1600, ge=100, le=10_000)
    """Silence that ends a turn in any case; what sounds and reads finished ends sooner."""
    max_turn_s: Positive = 25.0
    """A turn longer than this is cut at a pause into several finals."""
    final_timeout_s: Positive = 15.0
    """A final that takes longer is answered with what partials had committed."""
    gather_ms: int = Field(default=64, ge=10, le=200)
    """Incoming audio is gathered into frames of this length before it is processed."""


class WhisperSettings(Group):
    """faster-whisper, when it is the engine that hears."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; `auto` takes a GPU if there is one."""
    compute_type: str = "auto"
    """Precision, as CTranslate2 names it; `auto` is int8 on a CPU and float16 on a GPU."""
    threads: int = Field(default=0, ge=0, le=256)
    """CPU threads of the model; 0 takes all cores but one."""
    more_models: list[str] = Field(default_factory=list[str])
    """Models loaded besides `asr.model`, for clients to ask for; a smaller one stands in when
    memory runs out."""
    beam_size: int = Field(default=0, ge=0, le=10)
    """Beams of finals; 0 is 1 (greedy) on a CPU and 5 on a GPU. Partials are greedy."""
    partial_window: WindowLength = "auto"
    """Audio the model is shown for a partial at least: `auto` (what is safe for its family, 8 s
    for `base`), `full` (30 s, three times the work) or seconds."""
    final_window: WindowLength = "auto"
    """The same for finals; `voice-agent eval-window` measures it with your recordings."""
    max_batch: int = Field(default=0, ge=0, le=128)
    """Jobs that are decoded together at most; 0 is 2 on a CPU, where a batch is hardly
    cheaper than its jobs and cannot be interrupted for a final, and 16 on a GPU."""
