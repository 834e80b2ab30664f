"""``voice-agent eval-turns``: how often callers are cut off, and how long they wait."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.services import Config
from voice_agent.errors import SettingsError
from voice_agent.settings import load_settings

if TYPE_CHECKING:
    from voice_agent.engines.base import Samples
    from voice_agent.engines.engine_set import EngineSet
    from voice_agent.settings import Settings
    from voice_agent.turns.evaluation.judged_pauses import JudgedPause
    from voice_agent.turns.evaluation.tradeoff import Pauses

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="turns.jsonl or transcripts.tsv, and recordings.")
]
Picture = Annotated[Path | None, typer.Option("--picture", help="Write the curves here, as SVG.")]
Judged = Annotated[
    Path | None, typer.Option("--judged", help="Keep what is heard here; it is not asked again.")
]
Ready = Annotated[
    float, typer.Option("--ready-ms", help="When the text of a pause is there, for `as set`.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def eval_turns(
    folder: Folder,
    picture: Picture = None,
    judged: Judged = None,
    ready_ms: Ready = 400.0,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Measure the ends of turns on your recordings: false cut-offs against latency.

    Counted as LiveKit's eot-bench does, and on folders in its layout: at every pause within a
    turn, firing is a false cut-off; after the end, the time until it fires is the latency.
    Smart Turn alone and silence alone stand beside it. See docs/recognition.md.
    """
    with or_exit():
        from voice_agent.turns.evaluation.tradeoff import Pauses

        settings = load_settings(config)
        pauses = Pauses(asyncio.run(_judge(folder, settings, judged)))
        if not pauses.n_turns or not pauses.n_inner:
            raise SettingsError(f"{folder} has no turns with pauses in them: nothing to compare")
        _report(pauses, settings, ready_ms / 1000, picture, as_json=as_json)


async def _judge(folder: Path, settings: "Settings", kept: Path | None) -> "list[JudgedPause]":
    from voice_agent.engines.engine_set import EngineSet
    from voice_agent.turns.evaluation.judged_pauses import Known, judge_pauses
    from voice_agent.turns.evaluation.recorded_turns import read_folder

    turns = read_folder(folder, language=settings.asr.language)
    room = EngineSet.hearing(settings)
    recognizer, vad, judge = room.recognizer, room.vad, room.judge
    if recognizer is None or vad is None or judge is None:
        raise SettingsError("this process does not hear")
    await asyncio.gather(recognizer.load(), vad.load(), judge.load())
    try:
        known = Known(kept)
        return [p async for p in judge_pauses(turns, vad, judge, recognizer, _read, known)]
    finally:
        await _close(room)


async def _close(room: "EngineSet") -> None:
    for engine in room.engines:
        await engine.close()


async def _read(path: Path) -> "Samples":
    import numpy as np

    from voice_agent.audio.pcm import int16_to_float
    from voice_agent.audio.stream_decoder import decode_file

    return int16_to_float(np.concatenate([piece async for piece in decode_file(path)]))


def _report(
    pauses: "Pauses",
    settings: "Settings",
    ready_s: float,
    picture: Path | None,
    *,
    as_json: bool,
) -> None:
    from voice_agent.turns.evaluation.picture import picture as drawn
    from voice_agent.turns.evaluation.report import as_set, detectors, figures

    curves = detectors(pauses)
    found = {name: figures(points) for name, points in curves.items()}
    ours = as_set(pauses, silence_ms=settings.asr.silence_ms, ready_s=ready_s)
    if picture is not None:
        picture.write_text(drawn(curves))
    if as_json:
        told = {
            "turns": pauses.n_turns,
            "pauses": pauses.n_inner,
            "detectors": {name: asdict(row) for name, row in found.items()},
            "as_set": asdict(ours),
        }
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(f"{pauses.n_turns} turns, {pauses.n_inner} pauses of 0.2 s or more within them\n")
    typer.echo(f"{'':18}  latency at 5 / 10 % false cut-offs   false cut-offs at 300 / 600 ms")
    for name, row in found.items():
        latency, cut = _cells(row.latency_ms, "ms"), _cells(row.cut_off_percent, "%")
        typer.echo(f"{name:18}  {latency:>34}   {cut:>30}")
    typer.echo(
        f"\nas set, with the text after {round(1000 * ready_s)} ms and asr.silence_ms "
        f"{settings.asr.silence_ms}: {ours.cut_off_percent} % false cut-offs; latency mean "
        f"{ours.mean_ms:.0f}, median {ours.median_ms:.0f}, 95 % within {ours.p95_ms:.0f} ms"
    )


def _cells(values: Sequence[float | None], unit: str) -> str:
    return " / ".join("–" if value is None else f"{value:g}" for value in values) + f" {unit}"
