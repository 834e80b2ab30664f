"""``voice-agent config``: the settings in force."""

from typing import Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.services import Config
from voice_agent.settings import load_settings

Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def config(config: Config = None, as_json: Json = False) -> None:
    """Print every setting, its value and where it came from.

    The first that has a value wins: the environment, .env, the file of --config, the
    defaults. Secrets are masked.
    """
    from voice_agent.cli import setting_sources

    with or_exit():
        found = setting_sources.origins(load_settings(config))
        if as_json:
            typer.echo(setting_sources.as_json(found))
            return
        width = max(len(origin.variable) for origin in found)
        for origin in found:
            line = f"{origin.variable:<{width}}  {_plain(origin.value)}"
            changed = origin.source != "default"
            typer.secho(f"{line}  [{origin.source}]", bold=changed)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value in ("", None) else str(value)
