"""The settings tree: the only place that reads the environment.

Sources, the first that has a value wins: arguments to the constructor, environment
(prefix ``VOICE_AGENT_``, ``__`` for nesting), ``.env``, the TOML file of ``--config``
(:func:`load_settings`), the defaults below.
"""

from voice_agent.settings.asr import AsrSettings, WhisperSettings
from voice_agent.settings.conversation import ConversationSettings
from voice_agent.settings.llm import LlmSettings
from voice_agent.settings.records import RecordsSettings
from voice_agent.settings.remote import RemoteSettings
from voice_agent.settings.service import LogSettings, PrivacySettings, ServerSettings
from voice_agent.settings.storage import ModelsSettings, VoicesSettings
from voice_agent.settings.telephone import TwilioSettings
from voice_agent.settings.tree import Settings, load_settings
from voice_agent.settings.tts import ChatterboxSettings, PiperSettings, TtsSettings

__all__ = [
    "AsrSettings",
    "ChatterboxSettings",
    "ConversationSettings",
    "LlmSettings",
    "LogSettings",
    "ModelsSettings",
    "PiperSettings",
    "PrivacySettings",
    "RecordsSettings",
    "RemoteSettings",
    "ServerSettings",
    "Settings",
    "TtsSettings",
    "TwilioSettings",
    "VoicesSettings",
    "WhisperSettings",
    "load_settings",
]
