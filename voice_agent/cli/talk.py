"""``voice-agent talk``: a conversation in the terminal."""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.services import AGENT_PORT, Config, reachable
from voice_agent.errors import SettingsError
from voice_agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from voice_agent.cli.audio_output import AudioOutput


def talk(
    wav: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Speak with this audio file, not the microphone."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="With --wav: what the agent says."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The agent; by default the one on this machine."),
    ] = None,
    config: Config = None,
) -> None:
    """Talk with the agent, or let a file talk.

    By microphone and loudspeaker, or with --wav. The agent has to run (`voice-agent up`).
    Wear headphones: it takes what it hears of itself for you. Ctrl-C hangs up.
    """
    if out is not None and wav is None:
        raise typer.BadParameter("--out is for --wav")
    with or_exit(), contextlib.suppress(KeyboardInterrupt):
        settings = load_settings(config)
        _check(wav, out)
        asyncio.run(_talk(wav, out, url or _own_url(settings)))


def _own_url(settings: Settings) -> str:
    host = reachable(settings.server.host)
    return f"ws://{f'[{host}]' if ':' in host else host}:{settings.server.port or AGENT_PORT}/ws"


def _check(wav: Path | None, out: Path | None) -> None:
    """Finds what is wrong before the agent is called."""
    from voice_agent.cli.audio_output import check_name
    from voice_agent.cli.sound import sounddevice

    if wav is None:
        sounddevice()
    elif not wav.is_file():
        raise SettingsError(f"{wav}: there is no such file")
    if out is not None:
        check_name(out)


async def _talk(wav: Path | None, out: Path | None, url: str) -> None:
    from voice_agent.cli.audio_output import open_file
    from voice_agent.cli.conversation import SPOKEN_RATE_HZ, Conversation
    from voice_agent.client.agent import AgentClient

    async with AgentClient.connect(url) as client:
        conversation = Conversation(client, _say)
        if wav is None:
            typer.echo("speak; Ctrl-C hangs up", err=True)
            await conversation.live()
            return
        sink: AudioOutput | None = None if out is None else open_file(out, SPOKEN_RATE_HZ)
        try:
            await conversation.from_file(wav, sink)
        finally:
            if sink is not None:
                sink.close()


def _say(who: str, text: str) -> None:
    typer.echo(f"{typer.style(f'{who}:', bold=True)} {text}")
