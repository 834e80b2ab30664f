"""``voice-agent say``: text to speech."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.processes import service_at
from voice_agent.cli.services import Config, ServiceName
from voice_agent.errors import BadMessage
from voice_agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from voice_agent.cli.audio_output import AudioOutput
    from voice_agent.client.tts import TtsClient

_RATE_HZ = 24_000

Url = Annotated[
    str | None,
    typer.Option(metavar="URL", help="TTS service to use, instead of one for this command."),
]


def say(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say; - reads stdin.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="WAV, MP3 or Ogg, by its name."),
    ] = None,
    voice: Annotated[
        str | None, typer.Option(metavar="ID", help="One of `voice-agent voices`.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.25, max=4, help="1 is the voice's own.")
    ] = None,
    url: Url = None,
    config: Config = None,
) -> None:
    """Turn text into speech: into a file, or to the loudspeaker.

    Without --url, and without `tts.url` in the settings, a service is started for this
    command alone.
    """
    with or_exit():
        settings = load_settings(config)
        values = {"voice_id": voice, "speed": speed}
        options = {name: value for name, value in values.items() if value is not None}
        if text == "-":
            text = sys.stdin.read()
        _check(text, out)
        asyncio.run(_say(text, out, options, url or settings.tts.url, config, settings))


def _check(text: str, out: Path | None) -> None:
    """Finds what is wrong before a service is started."""
    from voice_agent.cli.audio_output import check_name
    from voice_agent.cli.sound import sounddevice
    from voice_agent.engines.clauses import is_speakable

    if not is_speakable(text):
        raise BadMessage("there is nothing to say: the text has no letter and no digit")
    if out is None:
        sounddevice()
    else:
        check_name(out)


async def _say(
    text: str,
    out: Path | None,
    options: dict[str, Any],
    url: str,
    config: Path | None,
    settings: Settings,
) -> None:
    from voice_agent.client.tts import TtsClient

    async with (
        service_at(ServiceName.TTS, url, config, settings) as service,
        TtsClient.connect(service) as client,
    ):
        duration_s = await _speak(client, text, out, options)
    if out is not None:
        typer.echo(f"{out}: {duration_s:.1f} s", err=True)


async def _speak(
    client: "TtsClient", text: str, out: Path | None, options: dict[str, Any]
) -> float:
    """Speaks part after part into one sink; returns its seconds."""
    import numpy as np

    from voice_agent.client.connection import made
    from voice_agent.wire.tts import SynthesisOptions

    wanted = made(SynthesisOptions, {**options, "encoding": "pcm_f32le", "sample_rate": _RATE_HZ})
    sink: AudioOutput | None = None
    n_samples = 0
    try:
        for part in _parts(text, client.ready.limits.max_text_chars):
            async with aclosing(client.speak(part, wanted)) as chunks:
                async for _, data in chunks:
                    # opened with the first sound: a refused request leaves no file
                    sink = sink or _open(out)
                    samples = np.frombuffer(data, "<f4")
                    n_samples += len(samples)
                    await asyncio.to_thread(sink.write, samples)
    except BaseException:
        if out is not None and sink is not None:
            # half a file would look like a whole one
            await asyncio.to_thread(out.unlink, missing_ok=True)
        raise
    finally:
        if sink is not None:
            await asyncio.to_thread(sink.close)
    return n_samples / _RATE_HZ


def _open(out: Path | None) -> "AudioOutput":
    from voice_agent.cli.audio_output import open_file
    from voice_agent.cli.sound import Loudspeaker

    return Loudspeaker(_RATE_HZ) if out is None else open_file(out, _RATE_HZ)


def _parts(text: str, max_chars: int) -> Iterator[str]:
    """The text in pieces that one request may have, cut between sentences."""
    from voice_agent.engines.clauses import ClauseLimits, clauses, is_speakable

    limits = ClauseLimits(max_chars=max_chars // 2, first_chars=max_chars // 2)
    part = ""
    for clause in clauses(text, limits=limits):
        if part and len(part) + len(clause.text) > max_chars:
            yield part
            part = ""
        part += clause.text
    if is_speakable(part):
        yield part
