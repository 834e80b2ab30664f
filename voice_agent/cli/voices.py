"""``voice-agent voices``: which voices a service has, and how more of them come."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.processes import service_at
from voice_agent.cli.say import Url
from voice_agent.cli.services import Config, ServiceName
from voice_agent.errors import TooLarge
from voice_agent.settings import load_settings

if TYPE_CHECKING:
    from voice_agent.client.tts import TtsClient
    from voice_agent.wire.tts import Voice, VoiceRegistered

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Its id: letters, digits, - and _, at most 64.")
]

voices = typer.Typer(
    help="List the voices of the TTS service; add and remove cloned ones.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@voices.callback()
def list_voices(context: typer.Context, url: Url = None, config: Config = None) -> None:
    """List the voices of the TTS service; add and remove cloned ones."""
    if context.invoked_subcommand is None:

        async def listed(client: "TtsClient") -> None:
            _print(await client.voices())

        _with_client(listed, url, config)


@voices.command()
def add(
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="1 to 60 s of the voice: WAV, MP3, M4A, FLAC, Ogg or WebM."
        ),
    ],
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="What people call it.")
    ] = None,
    consent: Annotated[
        str | None,
        typer.Option(metavar="WHO", help="Who allowed this; kept with today's date."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of NAME.")] = False,
    url: Url = None,
    config: Config = None,
) -> None:
    """Make a voice from a recording; the engine has to be able to clone.

    Have the speaker's permission: a voice is personal data.
    """
    values: dict[str, Any] = {"voice_id": name, "replace": replace}
    if title is not None:
        values["name"] = title
    if consent is not None:
        values["consent"] = {"speaker": consent, "date": datetime.now(UTC).date().isoformat()}

    async def added(client: "TtsClient") -> None:
        _tell(await client.register(values))

    with or_exit():
        values["reference_audio"] = _base64_of(file)
    _with_client(added, url, config)


@voices.command()
def remove(name: Name, url: Url = None, config: Config = None) -> None:
    """Remove a cloned voice, with its recording."""

    async def removed(client: "TtsClient") -> None:
        await client.delete(name)
        typer.echo(f"{name}: removed", err=True)

    _with_client(removed, url, config)


def _with_client(
    work: Callable[["TtsClient"], Awaitable[None]], url: str | None, config: Path | None
) -> None:
    async def run() -> None:
        from voice_agent.client.tts import TtsClient

        settings = load_settings(config)
        async with (
            service_at(ServiceName.TTS, url or settings.tts.url, config, settings) as service,
            TtsClient.connect(service) as client,
        ):
            await work(client)

    with or_exit():
        asyncio.run(run())


def _base64_of(file: Path) -> str:
    from voice_agent.voices.clip import MAX_CLIP_BYTES

    if file.stat().st_size > MAX_CLIP_BYTES:
        raise TooLarge(f"{file}: a clip may have {MAX_CLIP_BYTES >> 20} MiB, send a part of it")
    return base64.b64encode(file.read_bytes()).decode()


def _tell(made: "VoiceRegistered") -> None:
    notes = f" ({', '.join(made.notes)})" if made.notes else ""
    typer.echo(f"{made.voice_id}: {made.duration_s:.1f} s{notes}", err=True)


def _print(found: "list[Voice]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "language", "cloned", box=None, pad_edge=False)
    for voice in found:
        table.add_row(voice.voice_id, voice.name, voice.language, "yes" if voice.cloned else "")
    console = Console(highlight=False)
    console.print(table)
    for licence, names in _licences(found).items():
        console.print(f"\n{', '.join(names)}: {licence}", markup=False)


def _licences(found: "list[Voice]") -> dict[str, list[str]]:
    """The voices by what is to be known before they are used; speakers under their voice."""
    licences: dict[str, list[str]] = {}
    for voice in found:
        if voice.licence and voice.voice_id != "default":
            name = voice.voice_id.partition("+")[0]
            named = licences.setdefault(voice.licence, [])
            named += [name] if name not in named else []
    return licences
