"""How a service introduces itself."""

from voice_agent.engines.engine_set import EngineSet
from voice_agent.settings import Settings
from voice_agent.wire.common import Limits


def described(engines: EngineSet) -> dict[str, dict[str, object]]:
    """The engines by role, for `ready` and ``/v1/info``."""
    return {
        role: {
            "name": info.name,
            "model": info.model,
            "device": info.device,
            "precision": info.precision,
            "sample_rate": info.sample_rate_hz,
            "languages": list(info.languages),
            "capacity": info.capacity,
            "why": info.why,
            "hint": info.hint,
        }
        for role, info in engines.infos.items()
    }


def limits(settings: Settings) -> Limits:
    """What a client may send."""
    return Limits(
        max_sessions=settings.server.max_sessions,
        max_frame_bytes=settings.server.max_frame_bytes,
        max_unprocessed_audio_s=settings.server.max_unprocessed_audio_s,
        max_text_chars=settings.tts.max_text_chars,
        idle_timeout_s=settings.server.idle_timeout_s,
    )
