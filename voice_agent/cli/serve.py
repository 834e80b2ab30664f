"""``voice-agent serve``: one service in this process."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from voice_agent.cli.fail import or_exit
from voice_agent.log import set_up_logging
from voice_agent.server.run import run_app
from voice_agent.settings import Settings, load_settings


class ServiceName(StrEnum):
    """What can be served."""

    ASR = "asr"
    TTS = "tts"
    AGENT = "agent"
    DIRECT = "direct"
    ECHO = "echo"


_PORTS = {ServiceName.ASR: 8001, ServiceName.TTS: 8002}
_AGENT_PORT = 8000

Config = Annotated[Path | None, typer.Option("--config", help="A TOML file with settings.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]


def default_port(service: ServiceName) -> int:
    """The port a service has when nobody says otherwise."""
    return _PORTS.get(service, _AGENT_PORT)


def serve(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    host: Host = None,
    port: Port = None,
    config: Config = None,
) -> None:
    """Serve one service until it is told to stop."""
    with or_exit():
        settings = load_settings(config)
        run(service, settings, host=host, port=port)


def run(
    service: ServiceName, settings: Settings, *, host: str | None = None, port: int | None = None
) -> None:
    """Serves in this process; what is not given comes from the settings.

    Raises:
        SettingsError: The settings cannot work.
    """
    if port is None:
        port = settings.server.port or default_port(service)
    set_up_logging(service.value, settings.log, settings.privacy)
    # by name, as uvicorn does it: nothing here imports upwards
    run_app(
        f"bots.{service.value}:app",
        host=host or settings.server.host,
        port=port,
        settings=settings,
    )
