"""How steady the text is that a caller sees while speaking.

``make flicker SPEECH=DIR`` or
``python -m benchmarks.flicker [--speech DIR] [--engine auto whisper=FOLDER] [-o FILE]``

``--phone-talk 24`` instead of a folder takes that many sentences, and voices of espeak-ng, that
the small Whisper of the tests was not trained on.

Each clip is played in real time into a session of its own of the real ASR service. What the
table shows, over all words:

- `changed`: settled words that a later partial of the turn changed or took back. Must be 0.
- `revised`: settled words that the final does not have.
- `settled after`: the end of the audio behind the partial that settled a word, minus the end
  of the word as the final places it. Audio time: what a decode takes comes on top.
- `before the end`: words of the final that were settled before the turn ended.
- `withdrawn`: words that were shown and that the next partial, or the final, did not have,
  for each word of the finals.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.listening import listen
from benchmarks.machine import machine
from benchmarks.services import service
from benchmarks.speech import Clip, clips
from benchmarks.steadiness import Turn, turns
from benchmarks.words import Heard, word_error_rate
from tests.phone_talk import HELD_OUT_VOICES, held_out_sentences, say
from voice_agent.audio.pcm import float_to_int16

_HEAD = (
    "| engine | turns | words | partials | changed | revised | settled after p50 / p95 s "
    "| before the end | withdrawn | word error rate |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass
class Steadiness:
    """Of one engine, over all clips."""

    engine: str
    turns: list[Turn] = field(default_factory=list[Turn])
    heard: list[Heard] = field(default_factory=list[Heard])

    def line(self) -> str:
        """As a row of the table."""
        words = sum(len(turn.final.words) for turn in self.turns)
        settled = sum(len(turn.settled) for turn in self.turns)
        after_s = [seconds for turn in self.turns for seconds in turn.settled_after_s]
        p50, p95 = np.percentile(after_s, (50, 95)) if after_s else (np.nan, np.nan)
        revised = sum(turn.final.revised for turn in self.turns)
        withdrawn = sum(turn.withdrawn for turn in self.turns)
        return (
            f"| {self.engine} | {len(self.turns)} | {words} | "
            f"{sum(len(turn.partials) for turn in self.turns)} | "
            f"{sum(turn.changed for turn in self.turns)} | {_share(revised, settled)} | "
            f"{p50:.2f} / {p95:.2f} | {_share(len(after_s), words)} | "
            f"{withdrawn / max(1, words):.2f} | {word_error_rate(self.heard):.1%} |"
        )


def _share(some: int, of: int) -> str:
    return f"{some / of:.1%} ({some} of {of})" if of else "–"


async def measure(engine: str, url: str, speech: Sequence[Clip], at_once: int) -> Steadiness:
    """Plays all clips."""
    found = Steadiness(engine)
    lines = asyncio.Semaphore(at_once)

    async def one(clip: Clip) -> None:
        async with lines:
            heard = await listen(url, clip.samples)
        found.turns += turns(heard.messages)
        found.heard.append(Heard(clip.name, clip.text, heard.text))

    await asyncio.gather(*(one(clip) for clip in speech))
    return found


def phone_talk(n: int) -> list[Clip]:
    """Sentences that the Whisper of the tests should understand but has not seen."""
    sentences = enumerate(held_out_sentences()[:n])
    spoken = [(text, HELD_OUT_VOICES[i % len(HELD_OUT_VOICES)]) for i, text in sentences]
    return [Clip(text, float_to_int16(say(text, voice).samples), text) for text, voice in spoken]


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flicker")
    parser.add_argument("--speech", type=Path, help="folder with transcripts.tsv")
    parser.add_argument("--phone-talk", type=int, metavar="N", help="N sentences instead of them")
    parser.add_argument("--engine", nargs="+", default=["auto"], help="NAME or NAME=FOLDER")
    parser.add_argument("--url", help="a running ASR service; by default one is started for each")
    parser.add_argument("--at-once", type=int, default=1, help="clips that are played at once")
    parser.add_argument("-o", "--output", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    if arguments.phone_talk:
        speech = phone_talk(arguments.phone_talk)
    else:
        speech = await clips(arguments.speech)
    report = f"{machine()}; load average {os.getloadavg()[0]:.1f}\n\n{_HEAD}"
    print(report, flush=True)
    for engine in arguments.engine:
        name, _, folder = engine.partition("=")
        chosen = {"ASR__ENGINE": name, "ASR__MODEL": folder}
        with nullcontext(arguments.url) if arguments.url else service("asr", **chosen) as url:
            label = f"{name} ({Path(folder).name})" if folder else name
            line = (await measure(label, url, speech, arguments.at_once)).line()
        print(line, flush=True)
        report += "\n" + line
    if arguments.output:
        arguments.output.write_text(report + "\n")


if __name__ == "__main__":
    asyncio.run(main())
