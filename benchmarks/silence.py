"""What the ASR service hears where nothing is said: silence, noises, music on hold.

``make silence [MUSIC=DIR]`` or ``python -m benchmarks.silence [--music DIR] [--minutes 30]``

Thirty minutes of made sounds (benchmarks/noises.py), each at three levels, and the audio files
of a folder, through sessions of the real service with its defaults, as fast as it takes them.
Right are no words at all; a start without words costs a decode and, in a conversation, an
interrupted answer.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.listening import send_all
from benchmarks.noises import NOISES, at_level
from benchmarks.processes import end_in_order
from benchmarks.rows import RESULTS, Row, Rows, pending, report, table
from benchmarks.services import service
from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.audio.stream_decoder import decode_file
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.wire.asr import AsrServerMessage, Final, SpeechStart

_LEVELS_DBFS = (-50.0, -38.0, -26.0)
_SILENCES = ("digital silence", "microphone in a quiet room")
_ROOM = 0.0005  # of full scale
_HEAD = ("sound", "minutes", "speech starts", "finals with words", "words")
_ABOUT = """`make silence MUSIC=DIR`: sounds that are not speech through sessions of the real \
service with its defaults. Noises are made ([noises.py](../noises.py)), each at −50, −38 and \
−26 dBFS for a third of the time; music is the pieces of `asterisk-moh-opsound-wav`. The aim is \
not one word."""
_PIECE_S = 240.0  # of music, about
_FASTER = 8.0  # than real time, at least


def made(name: str, seconds: float) -> Samples:
    """One of the made sounds; the same every time."""
    length = int(seconds * ASR_SAMPLE_RATE_HZ)
    chance = np.random.default_rng(sorted([*_SILENCES, *NOISES]).index(name))
    if name == _SILENCES[0]:
        return np.zeros(length, np.float32)
    room = _ROOM * chance.standard_normal(length).astype(np.float32)
    if name == _SILENCES[1]:
        return room
    third = length // len(_LEVELS_DBFS)
    parts = [at_level(NOISES[name](third, chance), level) for level in _LEVELS_DBFS]
    return np.clip(room[: third * len(parts)] + np.concatenate(parts), -1, 1).astype(np.float32)


async def recording(path: Path) -> Samples:
    """A file, as the service would read it."""
    return int16_to_float(np.concatenate([piece async for piece in decode_file(path)]))


def told(messages: Sequence[AsrServerMessage], seconds: float) -> Row:
    """What the service made of a sound."""
    finals = [m.text for m in messages if isinstance(m, Final) and m.text.strip()]
    return {
        "minutes": seconds / 60,
        "starts": sum(isinstance(message, SpeechStart) for message in messages),
        "finals": finals,
    }


async def hear(url: str, sound: Samples) -> Row:
    """One session."""
    messages = await send_all(url, float_to_int16(sound))
    return told(messages, len(sound) / ASR_SAMPLE_RATE_HZ)


def _line(row: Row) -> list[str]:
    finals = row["finals"]
    return [
        row["sound"],
        f"{row['minutes']:.1f}",
        str(row["starts"]),
        str(len(finals)),
        str(sum(len(text.split()) for text in finals)),
    ]


def _total(rows: Sequence[Row]) -> Row:
    return {
        "sound": "**all**",
        "minutes": sum(row["minutes"] for row in rows),
        "starts": sum(row["starts"] for row in rows),
        "finals": [text for row in rows for text in row["finals"]],
    }


async def main() -> None:
    """Measures, and writes the table after every row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--music", type=Path, help="folder of audio files, such as music on hold")
    parser.add_argument("--minutes", type=float, default=30.0, help="of made sounds, together")
    parser.add_argument("--fresh", action="store_true", help="measure all anew")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "silence.md")
    arguments = parser.parse_args()
    rows = Rows("silence", fresh=arguments.fresh)
    names = [*_SILENCES, *NOISES]
    each_s = arguments.minutes * 60 / len(names)
    pieces = sorted(p for p in arguments.music.iterdir() if p.is_file()) if arguments.music else []
    sounds = {f"silence/{name}": name for name in names} | {f"silence/{p.stem}": p for p in pieces}
    steps = [
        (key, (240.0 if isinstance(s, Path) else each_s) / _FASTER) for key, s in sounds.items()
    ]
    with service("asr") as url:
        for key in pending(rows, steps):
            sound = sounds[key]
            samples = await recording(sound) if isinstance(sound, Path) else made(sound, each_s)
            row = await hear(url, samples) | {"sound": key.removeprefix("silence/")}
            print(" | ".join(_line(rows.add(key, row))), *row["finals"], flush=True)
            found = rows.of("silence")
            lines = [_line(row) for row in (*found, _total(found))]
            report(arguments.output, "Where nothing is said", rows, _ABOUT, table(_HEAD, lines))


if __name__ == "__main__":
    end_in_order()
    asyncio.run(main())
