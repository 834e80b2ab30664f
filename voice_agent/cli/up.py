"""``voice-agent up``: all services in child processes, looked after."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.http_probe import port_state
from voice_agent.cli.services import (
    AGENT_PORT,
    Config,
    Host,
    ServiceName,
    http_url,
    port_of,
)
from voice_agent.errors import SettingsError
from voice_agent.settings import Settings, load_settings


def up(
    host: Host = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65533, help="Port of the agent; ASR and TTS take the next two. [8000]"
        ),
    ] = None,
    agent: Annotated[bool, typer.Option(help="The agent and its page.")] = True,
    asr: Annotated[bool, typer.Option(help="The ASR service.")] = True,
    tts: Annotated[bool, typer.Option(help="The TTS service.")] = True,
    config: Config = None,
) -> None:
    """Run the services, and start again what ends.

    The agent uses the other two, so that each model is loaded once. The first start gets
    the models that are missing. Prints which engines were chosen and why, and where the
    page is. Ctrl-C ends all.
    """
    from voice_agent.cli.engine_selection import check_choices
    from voice_agent.cli.first_start import bring_missing
    from voice_agent.cli.launcher import Launcher
    from voice_agent.log import set_up_logging

    wanted = {ServiceName.AGENT: agent, ServiceName.ASR: asr, ServiceName.TTS: tts}
    with or_exit():
        settings = load_settings(config)
        services = [s for s, yes in wanted.items() if yes and not _elsewhere(s, settings)]
        if not services:
            raise typer.BadParameter("nothing is left to run")
        host = host or settings.server.host
        ports = {s: port_of(s, port or settings.server.port or AGENT_PORT) for s in services}
        _check_ports(host, ports)
        bring_missing(services, settings)
        for service in services:
            check_choices(service, settings, may_lack_model=True)
        set_up_logging("up", settings.log, settings.privacy)
        more = {ServiceName.AGENT: agent_options(host, ports, settings)}
        code = asyncio.run(Launcher(host, ports, config, settings, more).run())
    raise typer.Exit(code)


def _elsewhere(service: ServiceName, settings: Settings) -> bool:
    """Whether the settings say that this service runs somewhere else."""
    engines = {ServiceName.ASR: settings.asr.engine, ServiceName.TTS: settings.tts.engine}
    return engines.get(service) == "remote"


def agent_options(host: str, ports: Mapping[ServiceName, int], settings: Settings) -> list[str]:
    """Options that make the agent use the services beside it."""
    if not settings.remote.share_engines:
        return []
    options = {ServiceName.ASR: "--asr-url", ServiceName.TTS: "--tts-url"}
    beside = [service for service in options if service in ports]
    return [part for s in beside for part in (options[s], http_url(host, ports[s]))]


def _check_ports(host: str, ports: Mapping[ServiceName, int]) -> None:
    for service, port in ports.items():
        state = port_state(host, port)
        if not state.free:
            raise SettingsError(
                f"the {service} service cannot have port {port} of {host} ({state.holder}): "
                "stop what is there, or choose other ports with --port 8100"
            )
