"""How a service listens, whom it lets in, and what it writes down."""

from pydantic import ConfigDict, Field

from voice_agent.settings.group import Group, Port, Positive


class ServerSettings(Group):
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
    resume_s: float = Field(default=30.0, ge=0)
    """A session whose connection was lost waits this long for its client; 0 ends it at once."""
    max_resume_bytes: int = Field(default=8 << 20, ge=1 << 16)
    """Messages kept for a client that may come back, in a session: what two kernels buffer."""


class PrivacySettings(Group):
    """What may be written down."""

    log_text: bool = False
    """Let recognised and spoken text appear in logs."""


class LogSettings(Group):
    """What is logged and how."""

    level: str = Field(default="INFO", pattern="^(TRACE|DEBUG|INFO|WARNING|ERROR)$")
    """Least severe level that is written."""
    json_lines: bool = Field(default=False, alias="json")
    """One JSON object a line instead of text."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True)
