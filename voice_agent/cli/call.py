"""``voice-agent call``: a pretend telephone call, as Twilio would carry it."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.services import AGENT_PORT, Config, reachable
from voice_agent.errors import SettingsError
from voice_agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from voice_agent.client.twilio_call import TwilioCall

_KEYS = re.compile(r"[0-9*#A-D]*")


def call(
    wav: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak with this audio file.")
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Speak with the microphone.")] = False,
    press: Annotated[
        str, typer.Option(metavar="KEYS", help="Press these keys, after the file.")
    ] = "",
    to_wav: Annotated[
        Path | None,
        typer.Option(metavar="OUT.wav", help="Stereo: the caller left, the agent right."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The stream to call; by default on this machine."),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this webhook for the stream, signed."),
    ] = None,
    config: Config = None,
) -> None:
    """Call the agent as Twilio would, without Twilio.

    Speaks the Media Streams protocol to any server: frames of 20 ms in real time, marks
    come back when they would have been played, `clear` is honoured. Says how long the
    caller waited for each answer; and what was said, if the agent keeps records in
    `records.dir` on this machine. Without --webhook the agent needs
    `twilio.insecure`. Ctrl-C hangs up.
    """
    if wav is None and not mic and not press:
        raise typer.BadParameter("one of --wav, --mic and --press is needed")
    if mic and (wav is not None or press):
        raise typer.BadParameter("--mic stands alone")
    if url is not None and webhook is not None:
        raise typer.BadParameter("--url and --webhook exclude each other")
    with or_exit(), contextlib.suppress(KeyboardInterrupt):
        settings = load_settings(config)
        _check(wav, mic, press, to_wav)
        asyncio.run(_call(wav, mic, press, to_wav, url or _own_url(settings), webhook, settings))


def _own_url(settings: Settings) -> str:
    host = reachable(settings.server.host)
    port = settings.server.port or AGENT_PORT
    return f"ws://{f'[{host}]' if ':' in host else host}:{port}/twilio/stream"


def _check(wav: Path | None, mic: bool, press: str, to_wav: Path | None) -> None:
    """Finds what is wrong before anybody is called."""
    from voice_agent.cli.sound import sounddevice

    if mic:
        sounddevice()
    if wav is not None and not wav.is_file():
        raise SettingsError(f"{wav}: there is no such file")
    if not _KEYS.fullmatch(press):
        raise SettingsError("--press takes the keys 0 to 9, *, # and A to D")
    if to_wav is not None and to_wav.suffix.lower() != ".wav":
        raise SettingsError(f"{to_wav}: the name has to end in .wav")


async def _call(
    wav: Path | None,
    mic: bool,
    press: str,
    to_wav: Path | None,
    url: str,
    webhook: str | None,
    settings: Settings,
) -> None:
    from voice_agent.cli.phone import from_file, from_keys, live, save

    async with _connected(url, webhook, settings) as connection:
        try:
            if mic:
                typer.echo("speak; Ctrl-C hangs up", err=True)
                await live(connection)
            elif wav is not None:
                await from_file(connection, wav, press)
            else:
                await from_keys(connection, press)
        finally:
            if to_wav is not None:
                await asyncio.to_thread(save, to_wav, connection)
            _tell(connection, to_wav)
    if settings.records.dir is not None:
        from voice_agent.cli.transcript import show

        await show(settings.records.dir, connection.call_sid)


@asynccontextmanager
async def _connected(
    url: str, webhook: str | None, settings: Settings
) -> "AsyncGenerator[TwilioCall]":
    from voice_agent.client.twilio_call import calling
    from voice_agent.client.twilio_webhook import Invitation, invited

    if webhook is None:
        to = Invitation(url=url, call_sid="")
    else:
        to = await invited(webhook, settings.twilio.auth_token.get_secret_value())
    async with calling(
        to.url, call_sid=to.call_sid or None, parameters=to.parameters, headers=to.headers
    ) as connection:
        yield connection


def _tell(connection: "TwilioCall", to_wav: Path | None) -> None:
    """What can be known from this end; Twilio's protocol carries no text."""
    from voice_agent.client.call_delays import turns
    from voice_agent.client.twilio_call import RATE_HZ

    found = turns(bytes(connection.sent), bytes(connection.heard))
    for turn in found:
        typer.echo(
            f"caller stopped at {turn.stopped_s:.2f} s, answer began at {turn.answered_s:.2f} s:"
            f" {turn.delay_s:.2f} s later"
        )
    if not found:
        typer.echo("no answer was heard")
    played = sum(played for _, played in connection.marks)
    typer.echo(
        f"{len(connection.heard) / RATE_HZ:.1f} s, {len(connection.of('media'))} frames,"
        f" {played} marks played, {len(connection.marks) - played} cleared,"
        f" {len(connection.of('clear'))} interruptions"
    )
    if connection.over:
        typer.echo(f"the server ended the call (close code {connection.close_code})")
    for what, count in connection.odd.items():
        typer.echo(f"Twilio would complain: {what} ({count} times)", err=True)
    if to_wav is not None:
        typer.echo(f"{to_wav}: the caller left, the agent right", err=True)
