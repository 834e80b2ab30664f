"""Where services are, as settings say it."""

from voice_agent.client.connection import service_url
from voice_agent.errors import SettingsError


def addresses(setting: str, text: str) -> tuple[str, ...]:
    """The services that a setting names, separated by commas.

    Raises:
        SettingsError: There is none, or one is no address.
    """
    urls = tuple(service_url(part.strip()) for part in text.split(",") if part.strip())
    if not urls:
        raise SettingsError(f"{setting} is not set; write ws://HOST:PORT/ws")
    return urls
