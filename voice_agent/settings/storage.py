"""What is kept on disk."""

from pathlib import Path

from pydantic import Field

from voice_agent.settings.group import Group


class ModelsSettings(Group):
    """Downloaded models."""

    dir: Path | None = None
    """Where models are kept; by default `models` in the data folder."""
    offline: bool = False
    """Download nothing, also not when asked to."""
    hub_url: str = ""
    """Address of a mirror of the model hub; empty uses `HF_ENDPOINT`, else the hub itself."""


class VoicesSettings(Group):
    """Registered voices."""

    dir: Path | None = None
    """Where registered voices are kept; by default `voices` in the data folder."""
    max_voices: int = Field(default=256, ge=1, le=10_000)
    """Voices that may be registered at a time."""
    memory_mb: int = Field(default=256, ge=1)
    """MiB of memory for the voices that were used last; others are read from disk again."""
