"""What is kept of a conversation when it is over."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from voice_agent.settings.group import Group, Positive


class RecordsSettings(Group):
    """What is kept of conversations; nothing, unless it is asked for."""

    dir: Path | None = None
    """Folder for a JSON file of each conversation: who said what and when, how long answers
    took, how it ended. None keeps nothing."""
    words: bool = False
    """With the times of the caller's words."""
    audio: bool = False
    """Also record the sound, into `dir`: a WAV file with the caller left and the agent right.
    In many places callers have to be told, and to agree, before they are recorded."""
    webhook_url: str = ""
    """Where the same JSON is posted to; empty posts nothing."""
    webhook_secret: SecretStr = SecretStr("")
    """Signs what is posted, as standardwebhooks.com describes it; with `whsec_` before it, it
    is base64."""
    webhook_timeout_s: Positive = 5.0
    """One try may take this long."""
    webhook_tries: int = Field(default=6, ge=1, le=20)
    """How often it is tried, with pauses of 1, 2, 4, … s."""
    drain_timeout_s: Positive = 10.0
    """At its end the service waits so long for what was not delivered yet."""

    @field_validator("webhook_url")
    @classmethod
    def _check_webhook_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("https", "http") or not parts.hostname):
            raise ValueError("this is no address; write https://HOST/PATH")
        return value

    @model_validator(mode="after")
    def _check_audio(self) -> Self:
        if self.audio and self.dir is None:
            raise ValueError("records.audio needs records.dir, a folder to record into")
        return self
