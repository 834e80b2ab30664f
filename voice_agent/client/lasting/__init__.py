"""Clients that outlive their connections: several addresses, back-off, resume, fail-over."""

from voice_agent.client.lasting.asr import LastingAsr
from voice_agent.client.lasting.backoff import Backoff
from voice_agent.client.lasting.endpoints import Endpoints
from voice_agent.client.lasting.events import (
    AudioDropped,
    ConnectionLost,
    ConnectionRestored,
    LastingEvent,
)
from voice_agent.client.lasting.tts import LastingTts

__all__ = [
    "AudioDropped",
    "Backoff",
    "ConnectionLost",
    "ConnectionRestored",
    "Endpoints",
    "LastingAsr",
    "LastingEvent",
    "LastingTts",
]
