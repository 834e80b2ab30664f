"""The settings tree: the only place that reads the environment.

Sources, the first that has a value wins: arguments to the constructor, environment
(prefix ``VOICE_AGENT_``, ``__`` for nesting), ``.env``, the TOML file of ``--config``
(:func:`load_settings`), the defaults below.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from voice_agent.errors import SettingsError

Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[float, Field(gt=0)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ServerSettings(_Group):
    """How a service listens and whom it lets in."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for every interface."""
    port: Port | None = None
    """Port to listen on; by default 8000 agent, 8001 ASR, 8002 TTS."""
    max_sessions: int = Field(default=30, ge=1)
    """Slots: more clients than this are refused at once with `at_capacity`."""
    idle_timeout_s: Positive = 300.0
    """A client that sends nothing for this long is disconnected."""
    drain_timeout_s: Positive = 30.0
    """After SIGTERM, running sessions may finish for this long."""
    max_frame_bytes: int = Field(default=1 << 20, ge=1024)
    """Largest frame a client may send (`register_voice` has its own limit)."""
    max_voice_frame_bytes: int = Field(default=14 << 20, ge=1024)
    """Largest `register_voice` message."""
    max_unprocessed_audio_s: Positive = 60.0
    """Audio of one session that may wait for processing; more is refused or waits."""
    send_timeout_s: Positive = 20.0
    """A client that reads nothing for this long while messages wait is disconnected."""


class AsrSettings(_Group):
    """Speech to text."""

    engine: str = "auto"
    """`auto`, `whisper`, `pocketsphinx` or `remote`."""
    model: str = ""
    """Name or folder of the model; empty lets the engine choose."""
    language: str = "en"
    """Language of sessions that name none; `auto` detects it in every turn."""
    url: str = ""
    """WebSocket address of an ASR service, for `remote`."""
    decoders: int = Field(default=4, ge=1, le=64)
    """PocketSphinx decoders in the pool (about 80 MB each), leased to talking sessions."""
    silence_ms: int = Field(default=1600, ge=100, le=10_000)
    """Silence that ends a turn which Smart Turn judged unfinished."""
    short_silence_ms: int = Field(default=600, ge=100, le=10_000)
    """The same after a short answer (yes, no, okay), which rarely sounds finished."""
    max_turn_s: Positive = 25.0
    """A turn longer than this is cut at a pause into several finals."""
    final_timeout_s: Positive = 15.0
    """A final that takes longer is answered with what partials had committed."""
    gather_ms: int = Field(default=64, ge=10, le=200)
    """Incoming audio is gathered into frames of this length before it is processed."""


class WhisperSettings(_Group):
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
    partial_window: Literal["short", "full"] = "short"
    """Audio the model is shown for a partial: `short` (what was said) or `full` (30 s)."""
    final_window: Literal["short", "full"] = "full"
    """The same for finals: `short` costs a third; `voice-agent eval-window` says what it
    does to your model's accuracy."""
    min_window_s: float = Field(default=3.0, ge=1, le=30)
    """Shortest short window."""
    max_batch: int = Field(default=0, ge=0, le=128)
    """Jobs that are decoded together at most; 0 is 8 on a CPU and 16 on a GPU."""


class TtsSettings(_Group):
    """Text to speech."""

    engine: str = "auto"
    """`auto`, `chatterbox`, `espeak` or `remote`."""
    model: str = ""
    """Name or folder of the model; empty lets the engine choose."""
    url: str = ""
    """WebSocket address of a TTS service, for `remote`."""
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


class ChatterboxSettings(_Group):
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


class LlmSettings(_Group):
    """The language model behind the agent: any OpenAI-compatible endpoint."""

    base_url: str = ""
    """Address of the endpoint, ending in /v1; empty uses the built-in responder."""
    api_key: SecretStr = SecretStr("")
    """Key for the endpoint, if it wants one."""
    model: str = ""
    """Model name the endpoint knows."""
    system_prompt: str = (
        "You are a helpful voice assistant on a phone line. Answer in one to three short "
        "spoken sentences, without lists, markup or emoji."
    )
    """What the model is told about its job."""
    timeout_s: Positive = 20.0
    """The first token must come within this."""


class ModelsSettings(_Group):
    """Downloaded models."""

    dir: Path | None = None
    """Where models are kept; by default `models` in the data folder."""
    offline: bool = False
    """Download nothing, also not when asked to."""
    hub_url: str = ""
    """Address of a mirror of the model hub; empty uses `HF_ENDPOINT`, else the hub itself."""


class VoicesSettings(_Group):
    """Registered voices."""

    dir: Path | None = None
    """Where registered voices are kept; by default `voices` in the data folder."""
    max_voices: int = Field(default=256, ge=1, le=10_000)
    """Voices that may be registered at a time."""
    memory_mb: int = Field(default=256, ge=1)
    """MiB of memory for the voices that were used last; others are read from disk again."""


class TwilioSettings(_Group):
    """Telephone calls, through Twilio Media Streams."""

    public_url: str = ""
    """Where Twilio reaches this service: https://HOST, as its webhook is configured there,
    with or without /twilio/voice at its end. Signatures are made over it."""
    auth_token: SecretStr = SecretStr("")
    """Signs Twilio's requests; with `account_sid`, also lets calls be ended and transferred."""
    account_sid: str = Field(default="", pattern=r"^\w*$")
    """Account that hang-ups and transfers act for."""
    insecure: bool = False
    """Accept unsigned requests; for development only."""
    keys: dict[str, str] = Field(default_factory=dict[str, str])
    """What keys of the telephone do, as JSON: `hang_up`, or a number that the call is
    transferred to. The conversation is told about all other keys."""
    key_pause_s: Positive = 1.2
    """Keys pressed in a row are told together, when none has followed for this long."""
    api_url: str = "https://api.twilio.com"
    """Address of Twilio's REST interface, which ends and transfers calls."""
    api_timeout_s: Positive = 5.0
    """Ending or transferring a call may take this long, with all that is tried again."""

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        url = value.rstrip("/").removesuffix("/twilio/voice")
        parts = urlsplit(url)
        if url and (parts.scheme not in ("https", "http") or not parts.hostname or parts.port == 0):
            raise ValueError("this is no address; write https://HOST")
        if parts.query or parts.fragment:
            raise ValueError("an address without ? and # is needed")
        return url

    @field_validator("keys")
    @classmethod
    def _check_keys(cls, value: dict[str, str]) -> dict[str, str]:
        for key, action in value.items():
            if not re.fullmatch(r"[0-9*#A-D]", key):
                raise ValueError("a key is one of 0 to 9, * and #")
            if not re.fullmatch(r"hang_up|\+?[0-9]{3,15}|sip:[\w.+@:-]{3,200}", action):
                raise ValueError("a key does hang_up, or names a number such as +15550100")
        return value


class AuthSettings(_Group):
    """Who may connect."""

    keys_file: Path | None = None
    """File of API keys; none means that anyone who reaches the port may connect."""


class PrivacySettings(_Group):
    """What may be written down."""

    log_text: bool = False
    """Let recognised and spoken text appear in logs."""


class LogSettings(_Group):
    """What is logged and how."""

    level: str = Field(default="INFO", pattern="^(TRACE|DEBUG|INFO|WARNING|ERROR)$")
    """Least severe level that is written."""
    json_lines: bool = Field(default=False, alias="json")
    """One JSON object a line instead of text."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True)


class Settings(BaseSettings):
    """All settings of a process."""

    model_config = SettingsConfigDict(
        env_prefix="VOICE_AGENT_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="forbid",
        use_attribute_docstrings=True,
    )

    server: ServerSettings = Field(default_factory=ServerSettings)
    asr: AsrSettings = Field(default_factory=AsrSettings)
    whisper: WhisperSettings = Field(default_factory=WhisperSettings)
    tts: TtsSettings = Field(default_factory=TtsSettings)
    chatterbox: ChatterboxSettings = Field(default_factory=ChatterboxSettings)
    llm: LlmSettings = Field(default_factory=LlmSettings)
    models: ModelsSettings = Field(default_factory=ModelsSettings)
    voices: VoicesSettings = Field(default_factory=VoicesSettings)
    twilio: TwilioSettings = Field(default_factory=TwilioSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    privacy: PrivacySettings = Field(default_factory=PrivacySettings)
    log: LogSettings = Field(default_factory=LogSettings)
    data_dir: Path = Path.home() / ".local" / "share" / "voice-agent"
    """Where models and voices are kept."""
    config_file: Path | None = None
    """TOML file that was read, if any; `--config` sets it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Adds the TOML file below the environment."""
        config_file = init_settings().get("config_file") or env_settings().get("config_file")
        toml = TomlConfigSettingsSource(settings_cls, config_file)
        return init_settings, env_settings, dotenv_settings, toml


def load_settings(config_file: Path | None = None, **overrides: Any) -> Settings:
    """Reads the settings of this process from all sources.

    Args:
        config_file: A TOML file with the same tree; None reads none.
        overrides: Values that win over every other source.

    Raises:
        SettingsError: A value is wrong or unknown, or the file cannot be read; the
            message names each one.
    """
    if config_file is not None:
        if not config_file.is_file():
            raise SettingsError(f"there is no settings file {config_file}")
        overrides["config_file"] = config_file
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg'].lower()}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("settings cannot be used: " + "; ".join(lines)) from error
    except ValueError as error:
        raise SettingsError(f"the settings file cannot be read: {error}") from error
