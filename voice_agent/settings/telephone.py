"""Telephone calls."""

import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from voice_agent.settings.group import Group, Positive


class TwilioSettings(Group):
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
