"""All settings of a process, and where they are read from."""

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from voice_agent.errors import SettingsError
from voice_agent.settings.asr import AsrSettings, WhisperSettings
from voice_agent.settings.conversation import ConversationSettings
from voice_agent.settings.llm import LlmSettings
from voice_agent.settings.records import RecordsSettings
from voice_agent.settings.remote import RemoteSettings
from voice_agent.settings.service import LogSettings, PrivacySettings, ServerSettings
from voice_agent.settings.storage import ModelsSettings, VoicesSettings
from voice_agent.settings.telephone import TwilioSettings
from voice_agent.settings.tts import ChatterboxSettings, PiperSettings, TtsSettings


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
    piper: PiperSettings = Field(default_factory=PiperSettings)
    remote: RemoteSettings = Field(default_factory=RemoteSettings)
    llm: LlmSettings = Field(default_factory=LlmSettings)
    conversation: ConversationSettings = Field(default_factory=ConversationSettings)
    models: ModelsSettings = Field(default_factory=ModelsSettings)
    voices: VoicesSettings = Field(default_factory=VoicesSettings)
    twilio: TwilioSettings = Field(default_factory=TwilioSettings)
    records: RecordsSettings = Field(default_factory=RecordsSettings)
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
