"""Rows of a long benchmark, kept as they are measured: what was interrupted goes on from there."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine

Row = dict[str, Any]
RESULTS = Path(__file__).parent / "results"
_KEPT = Path(__file__).parent.parent / "build" / "benchmarks"


class Rows:
    """Rows by key, in a file that grows by one line a row.

    Args:
        name: Of the benchmark; the file is ``build/benchmarks/NAME.jsonl``.
        fresh: Whether rows of earlier runs are dropped.
        folder: Where the file lies.
    """

    def __init__(self, name: str, *, fresh: bool = False, folder: Path = _KEPT) -> None:
        self._path = folder / f"{name}.jsonl"
        if fresh:
            self._path.unlink(missing_ok=True)
        self._rows: dict[str, Row] = {}
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                row = json.loads(line)
                self._rows[row["key"]] = row

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def add(self, key: str, values: Row) -> Row:
        """Keeps a row, with the machine and the day that it was measured on."""
        row = {**values, "key": key, "machine": machine()}
        self._rows[key] = row
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        return row

    def of(self, kind: str) -> list[Row]:
        """Rows whose key begins with ``KIND/``, as they were first measured."""
        return [row for key, row in self._rows.items() if key.startswith(f"{kind}/")]

    @property
    def machines(self) -> list[str]:
        """What the rows were measured on."""
        return sorted({row["machine"] for row in self._rows.values()})


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def report(path: Path, title: str, rows: Rows, *parts: str) -> None:
    """Writes a result: title, machines, and the parts that have something."""
    text = "\n\n".join([f"# {title}", *[f"{m}." for m in rows.machines], *filter(None, parts)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def pending(rows: Rows, steps: Sequence[tuple[str, float]]) -> list[str]:
    """Keys that are not there yet; says how long they will take.

    Args:
        rows: What there is.
        steps: Keys with their expected seconds.
    """
    missing = [(key, seconds) for key, seconds in steps if key not in rows]
    minutes = sum(seconds for _, seconds in missing) / 60
    kept = len(steps) - len(missing)
    print(f"{len(missing)} rows to measure, about {minutes:.0f} minutes; {kept} kept", flush=True)
    return [key for key, _ in missing]


def percent(part: float, of: float) -> str:
    """A share; a dash of nothing."""
    return f"{100 * part / of:.1f} %" if of else "–"


def p50_p95(values: Sequence[float], form: Callable[[float], str] = "{:.2f}".format) -> str:
    """Two percentiles; a dash of nothing."""
    return f"{form(quantile(values, 0.5))} / {form(quantile(values, 0.95))}" if values else "–"


def quantile(values: Sequence[float], q: float) -> float:
    """Linear between neighbours; `values` are not empty."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
