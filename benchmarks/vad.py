"""Single words over a telephone against music and noises: what is missed, what starts falsely.

``python -m benchmarks.vad --speech DIR --words DIR [--made DIR] --music DIR [--out FILE]``

Words at four levels after a sentence and a pause of 3.3 s, and as the first of a call; the
same word 1 s after 20 s of music on hold. Silero runs once for each way to treat its state;
start rules are judged on the probabilities.
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from benchmarks.noises import at_level as loud_at
from benchmarks.speech import Clip, clips
from benchmarks.vad_line import at_level, over_line, silence, trimmed
from benchmarks.vad_noises import ALL_NOISES
from benchmarks.vad_scores import Scored, Silero
from voice_agent.audio.pcm import int16_to_float
from voice_agent.audio.stream_decoder import decode_file
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.engines.silero import WINDOW_S, WINDOW_SAMPLES, VadStream
from voice_agent.turns.segmenter import Segmenter, SegmentStarted, StartRule

_HZ = ASR_SAMPLE_RATE_HZ
_LEVELS_DB = (-20, -26, -32, -38)
_PAUSE_S, _FIRST_S, _AFTER_S, _MUSIC_S = 3.3, 1.0, 2.5, 20.0
_NOISE_S, _NOISE_DB = 300, -26
_WORDS = 150
# a start belongs to a word if it lies this many windows before its beginning, after its end
_BEFORE, _BEHIND = 9, 3


class NeverReset(VadStream):
    """The state stays what it became."""

    def observe(self, probability: float, loudness_db: float) -> None:
        """Does nothing."""


def zeros_every_2_s() -> VadStream:
    """As Pipecat's analyzer treats the state."""
    return ZerosEvery2s(state=np.zeros((2, 128), np.float32))


class ZerosEvery2s(VadStream):
    """Back to zeros every 63 windows, once five in a row are below 0.1."""

    windows_since_reset = 0

    def observe(self, probability: float, loudness_db: float) -> None:
        """Counts towards the next reset."""
        self.windows_since_reset += 1
        self.rest_windows = self.rest_windows + 1 if probability < 0.1 else 0
        if self.quiet and self.windows_since_reset >= 63 and self.rest_windows >= 5:
            self.state, self.windows_since_reset = np.zeros((2, 128), np.float32), 0


STATES: dict[str, Callable[[], VadStream]] = {
    "zeros every 2 s": zeros_every_2_s,
    "zeros, then kept": lambda: NeverReset(state=np.zeros((2, 128), np.float32)),
    "ready, then kept": NeverReset,
    "**ready, again at rest**": VadStream,
}
_ANY_DB = -99.0
RULES = (
    StartRule(above=0.7, windows=6, rise_db=_ANY_DB),
    StartRule(above=0.5),
    StartRule(above=0.4, rise_db=_ANY_DB),
    StartRule(),
    StartRule(above=0.3),
    StartRule(above=0.4, windows=5),
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call with one word that counts."""

    kind: str
    samples: Samples
    start: int
    end: int


def starts(scored: Scored, rule: StartRule) -> list[tuple[int, int]]:
    """Where speech begins by a rule, and the sample at which that is known."""
    segments, found = Segmenter(start=rule), list[tuple[int, int]]()
    for n, values in enumerate(zip(scored.probabilities, scored.levels_db, strict=True)):
        event = segments.feed(*values)
        if isinstance(event, SegmentStarted):
            found.append((event.at_sample, (n + 1) * WINDOW_SAMPLES))
    return found


def calls(kind: str, words: Sequence[Clip], before: Samples, music: Samples) -> list[Call]:
    """Every word at every level, in every place."""
    rng, made = np.random.default_rng(1), list[Call]()
    for n, clip in enumerate(words):
        word = trimmed(int16_to_float(clip.samples))
        at = n * 7919 * 16 % (len(music) - int(_MUSIC_S * _HZ))
        held = music[at : at + int(_MUSIC_S * _HZ)]
        for level_db in _LEVELS_DB:
            leads = {
                "after a sentence": [at_level(before, level_db), silence(_PAUSE_S)],
                "first word": [silence(_FIRST_S)],
            }
            if n % 10 == 0:
                leads["after music"] = [held, silence(_FIRST_S)]
            for place, lead in leads.items():
                start = sum(map(len, lead))
                parts = [*lead, at_level(word, level_db), silence(_AFTER_S)]
                name = place if place == "after music" else f"{kind}, {place}"
                sound = over_line(np.concatenate(parts), rng)
                made.append(Call(name, sound, start, start + len(word)))
    return made


async def recording(path: Path) -> Samples:
    """A file as samples."""
    pieces = [samples async for samples in decode_file(path)]
    return int16_to_float(np.concatenate(pieces))


def noises() -> list[Samples]:
    """Five minutes of each, over the line."""
    made: list[Samples] = []
    for n, make in enumerate(ALL_NOISES.values()):
        rng = np.random.default_rng(n)
        made.append(over_line(loud_at(make(_NOISE_S * _HZ, rng), _NOISE_DB), rng))
    return made


def row(
    name: str,
    rule: StartRule,
    found: dict[str, list[Scored]],
    said: Sequence[Call],
) -> str:
    """One line of the table."""
    missed: dict[str, list[bool]] = {}
    delays: list[float] = []
    for call, scored in zip(said, found["calls"], strict=True):
        hits = [
            known
            for at, known in starts(scored, rule)
            if call.start - _BEFORE * WINDOW_SAMPLES <= at <= call.end + _BEHIND * WINDOW_SAMPLES
        ]
        missed.setdefault(call.kind, []).append(not hits)
        delays += [(known - call.start) / _HZ for known in hits[:1]]
    rise = "" if rule.rise_db < 0 else f", {rule.rise_db:.0f} dB above"
    cells = [f"{100 * np.mean(missed[kind]):.1f}" for kind in sorted(missed)]
    false = [str(sum(len(starts(s, rule)) for s in found[kind])) for kind in ("music", "noises")]
    delay = f"{np.median(delays):.2f} / {np.quantile(delays, 0.95):.2f}"
    return (
        " | ".join([f"| {name}", f"{rule.above} × {rule.windows}{rise}", *cells, *false, delay])
        + " |"
    )


async def report(options: argparse.Namespace) -> str:
    """The table."""
    spoken = {clip.name: clip for clip in await clips(options.speech)}
    first = next(iter(spoken.values()))
    before = trimmed(int16_to_float(spoken.get("lv_0890.wav", first).samples))
    music = [await recording(path) for path in sorted(options.music.glob("*.wav"))]
    said: list[Call] = []
    for kind, folder in (("real", options.words), ("made", options.made)):
        if folder is not None:
            words = [c for c in await clips(folder) if len(c.text.split()) == 1][:_WORDS]
            said += calls(kind, words, before, music[0])
    sounds, silero = noises(), Silero()
    kinds = " | ".join(sorted({call.kind for call in said}))
    lines = [
        "# Words missed before recognition, and false starts",
        "",
        f"{machine()}. Missed of single words in %, {_LEVELS_DB[0]} to {_LEVELS_DB[-1]} dBFS "
        f"over a telephone band with µ-law; starts in {sum(map(len, music)) / _HZ / 60:.0f} "
        f"minutes of music on hold and {sum(map(len, sounds)) / _HZ / 60:.0f} minutes of made "
        f"noises ({', '.join(ALL_NOISES)}; {_NOISE_DB} dBFS). A window is "
        f"{WINDOW_S * 1000:.0f} ms; six windows of 0.7 in a row begin speech in every row. "
        "The delay is from the word's beginning to the start, p50 / p95 in s.",
        "",
        f"| state | start | {kinds} | music | noises | delay |",
        "|" + "---|" * (5 + len({call.kind for call in said})),
    ]
    for name, new in STATES.items():
        found = {
            "calls": silero.score([call.samples for call in said], new),
            "music": silero.score(music, new),
            "noises": silero.score(sounds, new),
        }
        lines += [row(name, rule, found, said) for rule in RULES]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True, help="folder of single words")
    parser.add_argument("--made", type=Path, help="folder of single words made by voices")
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/vad.md"))
    options = parser.parse_args()
    table = asyncio.run(report(options))
    print(table)
    options.out.write_text(table)


if __name__ == "__main__":
    main()
