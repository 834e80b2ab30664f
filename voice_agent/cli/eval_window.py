"""``voice-agent eval-window``: what short windows do to a Whisper model's accuracy."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.services import Config
from voice_agent.settings import load_settings

if TYPE_CHECKING:
    from voice_agent.engines.base import Samples
    from voice_agent.engines.whisper.evaluation import Pair

_ADVICE = {
    "no harm": "these windows do no harm here: less than one word of a hundred",
    "harm": "these windows cost accuracy here: try longer ones (--window 20), or "
    "VOICE_AGENT_WHISPER__FINAL_WINDOW=full",
    "not enough recordings": "not enough recordings to tell: the interval reaches beyond one "
    "word of a hundred; add some, of the kind your callers make",
}

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Recordings, and transcripts.tsv: file, text.")
]
Model = Annotated[str, typer.Option("--model", help="Name or folder; default: asr.model.")]
Seconds = Annotated[
    float, typer.Option("--window", help="Shortest window in seconds; default: what is set.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def eval_window(
    folder: Folder,
    model: Model = "",
    seconds: Seconds = 0.0,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Compare shorter with full windows: word error rate and time, on your recordings.

    A Whisper model sees 30 s of audio at a time; shown less it is several times as fast, and
    may hear worse. What is safe is known for some families of models and guessed for others:
    measure yours before you set VOICE_AGENT_WHISPER__FINAL_WINDOW.
    """
    with or_exit():
        from voice_agent.engines.whisper.evaluation import compare, recordings
        from voice_agent.engines.whisper.families import window_rule
        from voice_agent.engines.whisper.model import LoadedModel
        from voice_agent.engines.whisper.placement import chosen_models, cpu_threads, placement

        overrides: dict[str, dict[str, object]] = {"asr": {"model": model}} if model else {}
        if seconds:
            overrides["whisper"] = {"final_window": seconds}
        settings = load_settings(config, **overrides)
        speech = recordings(folder)
        name, path = next(iter(chosen_models(settings).items()))
        device, compute_type = placement(settings.whisper)
        loaded = LoadedModel(
            name,
            path,
            device=device,
            compute_type=compute_type,
            threads=cpu_threads(settings.whisper),
        )
        pairs: list[Pair] = []
        for pair in compare(
            loaded,
            speech,
            _read,
            language=settings.asr.language,
            rule=window_rule(settings.whisper.final_window, loaded.family),
        ):
            pairs.append(pair)
            if not as_json:
                _print_pair(pair)
        _print_total(name, pairs, as_json=as_json)


def _read(path: Path) -> "Samples":
    return asyncio.run(_read_all(path))


async def _read_all(path: Path) -> "Samples":
    import numpy as np

    from voice_agent.audio.pcm import int16_to_float
    from voice_agent.audio.stream_decoder import decode_file

    return int16_to_float(np.concatenate([piece async for piece in decode_file(path)]))


def _print_pair(pair: "Pair") -> None:
    typer.echo(
        f"{pair.name}  {pair.audio_s:.1f} s  wrong words of {pair.full.words}: "
        f"full {pair.full.wrong_words}, short {pair.short.wrong_words}"
    )
    if pair.full.text != pair.short.text:
        typer.echo(f"  full:  {pair.full.text}\n  short: {pair.short.text}")


def _print_total(name: str, pairs: Sequence["Pair"], *, as_json: bool) -> None:
    from voice_agent.engines.whisper.evaluation import difference

    words = max(1, sum(pair.full.words for pair in pairs))
    full_percent = 100 * sum(pair.full.wrong_words for pair in pairs) / words
    short_percent = 100 * sum(pair.short.wrong_words for pair in pairs) / words
    full_s = sum(pair.full.run_s for pair in pairs)
    time_ratio = sum(pair.short.run_s for pair in pairs) / max(full_s, 1e-9)
    more = difference(pairs)
    if as_json:
        told = {
            "model": name,
            "recordings": len(pairs),
            "words": words,
            "full_word_error_percent": round(full_percent, 2),
            "short_word_error_percent": round(short_percent, 2),
            "difference_points": round(more.points, 2),
            "difference_low_points": round(more.low, 2),
            "difference_high_points": round(more.high, 2),
            "verdict": more.verdict,
            "short_time_ratio": round(time_ratio, 3),
        }
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(
        f"\n{name}, {len(pairs)} recordings, {words} words: word error rate "
        f"{full_percent:.1f} % with full windows, {short_percent:.1f} % with short ones, "
        f"in {time_ratio:.2f} of the time\n"
        f"difference {more.points:+.1f} points, 95 % interval {more.low:+.1f} to {more.high:+.1f}"
    )
    typer.echo(_ADVICE[more.verdict])
