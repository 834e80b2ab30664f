"""Recordings of whole turns with their pauses, in a folder.

``turns.jsonl`` has a line for each turn, with the fields of eot-bench's dataset: `id`,
`language`, `audio` (here the path of a file in the folder), `silence_spans` (objects with `start`
and `end` in seconds; the last one follows the end of the turn), and, if there is one, `messages`
(what was said before; objects with `role` and `content`). `group` may say what kind of turn it is.

A folder with ``transcripts.tsv`` instead (columns `file` and `text`) holds one turn a file; the
pauses are found by the speech detector.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from voice_agent.errors import SettingsError

SHORTEST_PAUSE_S = 0.1
"""A shorter silence is part of a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Silence in a turn or, if it is `final`, after it; in seconds of the recording."""

    start_s: float
    end_s: float
    final: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTurn:
    """What a caller said in one go.

    Attributes:
        id: Of the recording, within its folder.
        path: Its audio.
        language: Code.
        pauses: In order; None if they are to be found in the audio.
        asked: What was said to the caller before; empty if that is not known.
        group: Kind of turn, for tables.
        text: What is said, if that is known.
    """

    id: str
    path: Path
    language: str
    pauses: tuple[Pause, ...] | None
    asked: str = ""
    group: str = ""
    text: str = ""


def read_folder(folder: Path, *, language: str) -> list[RecordedTurn]:
    """The turns of a folder.

    Args:
        folder: In the layout that this module describes.
        language: Of turns that name none.

    Raises:
        SettingsError: There is neither of the two tables, or one that cannot be read.
    """
    table = folder / "turns.jsonl"
    if table.is_file():
        turns = [_turn(table, number, line, language) for number, line in _lines(table)]
    elif (folder / "transcripts.tsv").is_file():
        turns = _transcribed(folder / "transcripts.tsv", language)
    else:
        raise SettingsError(f"{folder} holds neither turns.jsonl nor transcripts.tsv")
    if not turns:
        raise SettingsError(f"{folder} lists no turns")
    if missing := [turn.path for turn in turns if not turn.path.is_file()]:
        raise SettingsError(f"{folder} names {missing[0].name}, which is not there")
    return turns


def _lines(table: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(table.read_text().splitlines(), 1):
        if line.strip():
            yield number, line


def _turn(table: Path, number: int, line: str, language: str) -> RecordedTurn:
    try:
        row: Mapping[str, Any] = json.loads(line)
        spans: Sequence[Mapping[str, float]] = row["silence_spans"]
        last = len(spans) - 1
        return RecordedTurn(
            id=str(row["id"]),
            path=table.parent / row["audio"],
            language=row.get("language") or language,
            pauses=tuple(
                Pause(start_s=span["start"], end_s=span["end"], final=index == last)
                for index, span in enumerate(spans)
            ),
            asked=_last_asked(row.get("messages") or []),
            group=str(row.get("group") or ""),
            text=str(row.get("text") or ""),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"line {number} of {table} is no turn: {error!r}") from error


def _last_asked(messages: Sequence[Mapping[str, str]]) -> str:
    said = [message["content"] for message in messages if message["role"] == "assistant"]
    return said[-1] if said else ""


def _transcribed(table: Path, language: str) -> list[RecordedTurn]:
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    if rows and "file" not in rows[0]:
        raise SettingsError(f"{table} has no column file")
    return [
        RecordedTurn(
            id=row["file"],
            path=table.parent / row["file"],
            language=language,
            pauses=None,
            text=row.get("text") or "",
        )
        for row in rows
    ]


def find_pauses(
    sounding: Sequence[bool], step_s: float, *, shortest_sound_s: float = 0.0
) -> tuple[Pause, ...]:
    """Silences of at least `SHORTEST_PAUSE_S` after the first sound; the last one is final.

    Args:
        sounding: Whether there is speech, step by step.
        step_s: Length of a step.
        shortest_sound_s: Less sound than this is a click.

    Returns:
        None at all if nothing sounds. The final one begins where the last sound ends, and may
        have no length.
    """
    sounds = [
        (start * step_s, end * step_s)
        for start, end in _runs(sounding)
        if (end - start) * step_s >= shortest_sound_s
    ]
    if not sounds:
        return ()
    inner = [
        Pause(start_s=end_s, end_s=next_start_s, final=False)
        for (_, end_s), (next_start_s, _) in pairwise(sounds)
        if next_start_s - end_s >= SHORTEST_PAUSE_S
    ]
    last_s = sounds[-1][1]
    total_s = len(sounding) * step_s
    return (*inner, Pause(start_s=last_s, end_s=total_s, final=True))


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and one past the last of each run of true ones."""
    start = None
    for index, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            yield start, index
            start = None
