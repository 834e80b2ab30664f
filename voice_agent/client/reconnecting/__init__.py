"""Clients that outlive their connections: several addresses, back-off, resume, fail-over."""

from voice_agent.client.reconnecting.asr import ReconnectingAsr
from voice_agent.client.reconnecting.backoff import Backoff
from voice_agent.client.reconnecting.endpoints import Endpoints
from voice_agent.client.reconnecting.events import (
    AudioDropped,
    ConnectionLost,
    ConnectionRestored,
    ReconnectingEvent,
)
from voice_agent.client.reconnecting.tts import ReconnectingTts

__all__ = [
    "AudioDropped",
    "Backoff",
    "ConnectionLost",
    "ConnectionRestored",
    "Endpoints",
    "ReconnectingAsr",
    "ReconnectingEvent",
    "ReconnectingTts",
]
