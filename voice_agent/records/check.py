"""Whether records can be kept as settings say, before anybody calls."""

from voice_agent.errors import SettingsError
from voice_agent.records.folder import open_folder
from voice_agent.records.signature import key_of
from voice_agent.settings import RecordsSettings


def check(settings: RecordsSettings) -> None:
    """Makes the folder, if there is to be one.

    Raises:
        SettingsError: It cannot be written to, or the webhook's secret cannot be one.
    """
    if settings.dir is not None:
        try:
            open_folder(settings.dir)
        except OSError as error:
            raise SettingsError(
                f"records.dir {settings.dir} cannot be written to: {error.strerror}"
            ) from error
    try:
        key_of(settings.webhook_secret.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"records.webhook_secret cannot be one: {error}") from error
