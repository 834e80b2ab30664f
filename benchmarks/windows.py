"""What windows shorter than 30 s do to real recordings.

``make windows SPEECH=DIR [LANGUAGE=es] [MODEL=base]`` or
``python -m benchmarks.windows DIR [--language es] [--model base] [--first 60] [--grid] [-o FILE]``

The folder holds recordings and ``transcripts.tsv`` with the columns `file` and `text`. One after
another they are decoded

- by `faster_whisper.WhisperModel.transcribe` as it comes, greedily: 30 s windows, timestamps, its
  own temperature ladder;
- by the engine with its default settings, word times included;
- with ``--grid`` by the loaded model in windows of other lengths, with and without timestamp
  tokens, both as they come out first and with what the engine does about loops.

All on one thread, int8. `CPU` is the processor's time, which other programs disturb little;
`again` counts decodes in the full window after a doubtful one. The interval is a bootstrap of the
difference to the first row over recordings.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from faster_whisper import WhisperModel
from prometheus_client import REGISTRY

from benchmarks.machine import machine
from benchmarks.speech import Clip, clips
from voice_agent.audio.pcm import int16_to_float
from voice_agent.engines.base import RecognizeJob, Samples
from voice_agent.engines.whisper import temperature_fallback
from voice_agent.engines.whisper.engine import WhisperRecognizer
from voice_agent.engines.whisper.evaluation import Decoded, Pair, difference, word_errors
from voice_agent.engines.whisper.model import LoadedModel, Window
from voice_agent.engines.whisper.window import FULL, MAX_SAMPLES, WindowRule
from voice_agent.settings import WhisperSettings, load_settings
from voice_agent.weights.store import model_folder

Hears = Callable[[Samples], Awaitable[str]]
_GRID = (*((s, p, t) for s, p in ((8, 1), (10, 2), (12, 2), (15, 2)) for t in (False, True)),)
_HEAD = (
    "| how | recordings | words | word error rate | difference to direct | again | CPU s |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass
class Row:
    """One way to decode, and what came of it."""

    how: str
    decoded: list[Decoded] = field(default_factory=list[Decoded])
    again: float = 0.0

    def text(self, first: "Row") -> str:
        """As a row of the table."""
        words = sum(one.words for one in self.decoded)
        wrong = sum(one.wrong_words for one in self.decoded)
        pairs = [
            Pair(name="", audio_s=0.0, said="", full=full, short=short)
            for full, short in zip(first.decoded, self.decoded, strict=True)
        ]
        more = difference(pairs)
        apart = "" if self is first else f"{more.points:+.1f} ({more.low:+.1f} to {more.high:+.1f})"
        return (
            f"| {self.how} | {len(self.decoded)} | {words} | {100 * wrong / max(1, words):.1f} % "
            f"| {apart} | {self.again:.0f} | {sum(one.run_s for one in self.decoded):.1f} |"
        )


async def measure(how: str, hears: Hears, speech: Sequence[Clip], language: str) -> Row:
    """Decodes all clips."""
    row = Row(how)
    before = _again()
    for clip in speech:
        samples = int16_to_float(clip.samples)
        started_s = time.process_time()
        text = await hears(samples)
        run_s = time.process_time() - started_s
        wrong, words = word_errors(clip.text, text, language)
        row.decoded.append(Decoded(text=text, wrong_words=wrong, words=words, run_s=run_s))
    row.again = _again() - before
    return row


def directly(folder: Path, language: str) -> Hears:
    """faster-whisper, as it comes."""
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)

    async def hears(samples: Samples) -> str:
        segments, _ = model.transcribe(samples, language=language, beam_size=1)
        return "".join(segment.text for segment in segments)

    return hears


def by(engine: WhisperRecognizer, language: str) -> Hears:
    """The engine; every recording is a turn."""

    async def hears(samples: Samples) -> str:
        job = RecognizeJob(
            session_id="s", turn_id=1, samples=samples, language=language, timeout_s=600
        )
        transcript = await engine.transcribe(job)
        return transcript.text if transcript else ""

    return hears


def in_windows(model: LoadedModel, rule: WindowRule, language: str, *, mended: bool) -> Hears:
    """The model itself; `mended`: with what the engine does about loops."""

    async def hears(samples: Samples) -> str:
        samples = samples[:MAX_SAMPLES]
        window = Window(samples=samples, frames=rule.frames(len(samples)), language=language)
        if mended:
            (found,) = temperature_fallback.decode(model, [window], beam_size=1, patient=False)
            return found.cleaned().text
        return model.decode([window])[0].text

    return hears


async def grid(folder: Path, speech: Sequence[Clip], language: str) -> list[Row]:
    """Rows of other windows."""
    model = LoadedModel(folder.name, folder, device="cpu", compute_type="int8", threads=1)
    rules = [(f"{s} s, {p} s after", WindowRule(least_s=s, after_s=p), t) for s, p, t in _GRID] + [
        ("30 s", FULL, False),
        ("30 s", FULL, True),
    ]
    rows: list[Row] = []
    for name, rule, timestamps in rules:
        model.family = replace(model.family, timestamps=timestamps)
        for mended in (False, True):
            how = f"{name}{', timestamps' * timestamps}{', mended' * mended}"
            hears = in_windows(model, rule, language, mended=mended)
            rows.append(await measure(how, hears, speech, language))
    return rows


async def report(arguments: argparse.Namespace) -> str:
    """The table."""
    folder = model_folder(arguments.model, "whisper", load_settings())
    language = arguments.language
    speech = (await clips(arguments.folder))[: arguments.first]
    rows = [await measure("direct", directly(folder, language), speech, language)]
    engine = WhisperRecognizer({"model": folder}, WhisperSettings(device="cpu", threads=1))
    await engine.load()
    try:
        await engine.warm_up()
        rows.append(await measure("engine", by(engine, language), speech, language))
    finally:
        await engine.close()
    if arguments.grid:
        rows += await grid(folder, speech, language)
    head = f"{arguments.folder.name}, {arguments.model}, {language}; {machine()}"
    return "\n".join([head, "", _HEAD, *(row.text(rows[0]) for row in rows)])


def _again() -> float:
    labels = {"engine": "whisper", "what": "again"}
    return REGISTRY.get_sample_value("voice_agent_engine_trouble_total", labels) or 0.0


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windows")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--model", default="base", help="name or folder")
    parser.add_argument("--first", type=int, help="only so many recordings")
    parser.add_argument("--grid", action="store_true", help="other windows too")
    parser.add_argument("-o", "--output", type=Path, help="also append the table here")
    arguments = parser.parse_args()
    table = asyncio.run(report(arguments))
    print(table)
    if arguments.output:
        with arguments.output.open("a") as results:
            results.write(f"\n{table}\n")


if __name__ == "__main__":
    main()
