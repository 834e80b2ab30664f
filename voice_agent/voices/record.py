"""What is known about a registered voice, and the names of its files."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from voice_agent.wire.tts import VOICE_ID_PATTERN, NewVoiceId

_ID = re.compile(VOICE_ID_PATTERN[1:-1])
_FOLDER = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{24}")
_PREFIX_CHARS = 32


class VoiceRecord(BaseModel):
    """A registered voice, as ``voice.json`` says it; another version is another record.

    Attributes:
        format: Of the file; readers leave alone what they do not know.
        voice_id: What requests call it.
        name: What people call it.
        consent: Who allowed it, when, and whatever else was said; None if nobody asked.
        family: Of the model that it was registered for; others may have been added.
        checkpoint: The weights of that model.
        created: When this version was registered, ISO 8601, UTC.
        version: Grows with every registration of the id, and never comes again.
        duration_s: Of the clip that is kept.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    voice_id: NewVoiceId
    name: str
    consent: dict[str, Any] | None = None
    family: str
    checkpoint: str
    created: str
    version: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
    duration_s: float

    @property
    def folder(self) -> str:
        """Name of its folder: the id is in it as a hash only."""
        return f"{folder_prefix(self.voice_id)}.{self.version}"


def is_voice_id(text: str) -> bool:
    """Whether a voice can be registered under it."""
    return _ID.fullmatch(text) is not None


def folder_prefix(voice_id: str) -> str:
    """What the folders of all versions of a voice begin with."""
    return hashlib.sha256(voice_id.encode()).hexdigest()[:_PREFIX_CHARS]


def prefix_of(folder: str) -> str:
    """The `folder_prefix` in a folder's name."""
    return folder[:_PREFIX_CHARS]


def is_voice_folder(name: str) -> bool:
    """Whether a folder of this name holds a version of a voice."""
    return _FOLDER.fullmatch(name) is not None


def next_version(before: str | None, clock_ns: Callable[[], int] = time.time_ns) -> str:
    """A version that sorts after `before` and is unlike all there ever were of the id.

    Time makes it grow; the random part keeps a voice apart from a deleted one of the same
    id, whatever the clock does.
    """
    at_ns = clock_ns()
    if before is not None:
        at_ns = max(at_ns, int(before[:16], 16) + 1)
    return f"{at_ns:016x}{secrets.token_hex(4)}"


def conditioning_file(family: str, checkpoint: str) -> str:
    """Name of the file with a voice's conditioning for one model."""
    label = hashlib.sha256(f"{family}\0{checkpoint}".encode()).hexdigest()[:_PREFIX_CHARS]
    return f"conditioning-{label}.safetensors"
