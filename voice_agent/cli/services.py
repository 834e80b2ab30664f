"""Which services there are, and where they listen."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ServiceName(StrEnum):
    """What can be served."""

    ASR = "asr"
    TTS = "tts"
    AGENT = "agent"
    DIRECT = "direct"
    ECHO = "echo"


# from the agent's port, which is the one that people type
_OFFSETS = {ServiceName.ASR: 1, ServiceName.TTS: 2}
AGENT_PORT = 8000

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A TOML file with settings.")
]
AsrUrl = Annotated[
    str | None,
    typer.Option("--asr-url", metavar="URL", help="Agent: hear through this ASR service."),
]
TtsUrl = Annotated[
    str | None,
    typer.Option("--tts-url", metavar="URL", help="Agent: speak through this TTS service."),
]
Host = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")]


def port_of(service: ServiceName, agent_port: int = AGENT_PORT) -> int:
    """The port of a service beside an agent on `agent_port`."""
    return agent_port + _OFFSETS.get(service, 0)


def reachable(host: str) -> str:
    """An address to call for a service that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def http_url(host: str, port: int) -> str:
    """Where a service answers HTTP."""
    host = reachable(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
