"""``voice-agent transcribe``: files to text."""

import asyncio
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_agent.cli.errors import FAILED, complain, or_exit, sentence_of
from voice_agent.cli.processes import service_at
from voice_agent.cli.services import Config, ServiceName
from voice_agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from voice_agent.cli.hearing import Heard


class Form(StrEnum):
    """What text is written as; the values are file name endings."""

    TEXT = "txt"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"


def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Audio files.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a file: text, turns, word times.")
    ] = False,
    as_srt: Annotated[bool, typer.Option("--srt", help="Subtitles as SubRip.")] = False,
    as_vtt: Annotated[bool, typer.Option("--vtt", help="Subtitles as WebVTT.")] = False,
    out_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a file for each there, not to stdout."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="ASR service to use, instead of one for this command."),
    ] = None,
    config: Config = None,
) -> None:
    """Turn audio files into text.

    WAV, MP3, M4A and MP4, AAC, FLAC, Ogg, WebM, AU, AIFF and AMR. Without --url, and
    without `asr.url` in the settings, a service is started for this command alone. Exit
    code 1 if a file failed; the others are still done.
    """
    form = _form(as_json=as_json, as_srt=as_srt, as_vtt=as_vtt)
    if form in (Form.SRT, Form.VTT) and len(files) > 1 and out_dir is None:
        raise typer.BadParameter(f"--{form} prints one file; add --out-dir for several")
    with or_exit():
        settings = load_settings(config)
        if out_dir is not None:
            out_dir.mkdir(parents=True, exist_ok=True)
        failed = asyncio.run(_all(files, form, out_dir, url or settings.asr.url, config, settings))
    if failed:
        raise typer.Exit(FAILED)


def _form(*, as_json: bool, as_srt: bool, as_vtt: bool) -> Form:
    asked = [
        form for form, yes in ((Form.JSON, as_json), (Form.SRT, as_srt), (Form.VTT, as_vtt)) if yes
    ]
    if len(asked) > 1:
        raise typer.BadParameter("choose one of --json, --srt and --vtt")
    return asked[0] if asked else Form.TEXT


async def _all(
    files: Sequence[Path],
    form: Form,
    out_dir: Path | None,
    url: str,
    config: Path | None,
    settings: Settings,
) -> int:
    """Transcribes file after file; returns how many failed."""
    from voice_agent.cli.progress import audio_progress

    there = [path for path in files if path.is_file()]
    for path in files:
        if path not in there:
            complain(f"{path}: there is no such file")
    failed = len(files) - len(there)
    if not there:
        return failed
    async with service_at(ServiceName.ASR, url, config, settings) as service:
        for path in there:
            with audio_progress(path) as on_progress:
                heard = await _heard(path, service, on_progress)
            if heard is None or heard.problem:
                failed += 1
            if heard is None:
                continue
            if heard.problem:
                complain(f"{path}: {heard.problem} (after {heard.duration_s:.1f} s)")
            written = _written(path, form, heard)
            if out_dir is not None:
                (out_dir / f"{path.stem}.{form}").write_text(f"{written}\n")
                continue
            if form is Form.TEXT and len(files) > 1:
                typer.echo(f"==> {path} <==")
            typer.echo(written)
    return failed


async def _heard(path: Path, url: str, on_progress: Callable[[float], None]) -> "Heard | None":
    """What is heard in a file; None if it failed, which is said."""
    from voice_agent.cli.hearing import hear

    try:
        return await hear(path, url, on_progress)
    except (OSError, ExceptionGroup) as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        complain(f"{path}: {sentence}")
        return None


def _written(path: Path, form: Form, heard: "Heard") -> str:
    from voice_agent.cli.captions import srt, vtt

    match form:
        case Form.JSON:
            turns = [final.model_dump(exclude={"type", "revised"}) for final in heard.finals]
            whole = {
                "file": str(path),
                "duration_s": round(heard.duration_s, 3),
                "text": heard.text,
                "turns": turns,
            }
            return json.dumps(whole, ensure_ascii=False)
        case Form.SRT:
            return srt(heard.finals)
        case Form.VTT:
            return vtt(heard.finals)
        case Form.TEXT:
            return heard.text
