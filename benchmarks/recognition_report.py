"""The tables of `benchmarks.recognition`."""

from pathlib import Path

from benchmarks.rows import Row, Rows, p50_p95, percent, quantile, report, table

_ABOUT = """`make recognition SPEECH=DIR PROMPTS=DIR`: real recordings through the real service \
with its defaults; what is measured and how is in the docstring of \
[recognition.py](../recognition.py). The load generator runs on the same cores; how much of one \
it took is in the last column but one."""
_LIVE = (
    "sessions", "utterances", "word error rate", "last word → final p50 / p95 s",
    "complete p50 / p95 s", "unheard", "partials every, median s", "settled words changed",
    "partials hidden", "% of a core a session", "MB", "load: % of a core", "load late ms",
)  # fmt: skip
_DIRECT = ("language", "prompts", "through the service", "95 % interval", "faster-whisper directly",
           "difference, points")  # fmt: skip
_SETTLES_MIN = 2.0  # caches and allocators have grown by then


def _live(row: Row) -> list[str]:
    partials, hidden = row["partials"], row["partials"].get("hidden", 0)
    every = row["intervals_s"]
    return [
        str(row["n"]),
        str(len(row["final_s"]) + row["unheard"]),
        f"{row['wer']:.1%}",
        p50_p95(row["final_s"]),
        p50_p95(row["complete_s"]),
        str(row["unheard"]),
        f"{quantile(every, 0.5):.2f}" if every else "–",
        percent(row["changed_words"], row["settled_words"]),
        percent(hidden, sum(partials.values())),
        f"{row['cpu_percent']:.1f}",
        f"{row['memory_mb']:,.0f}",
        f"{row['own_cpu_percent']:.0f}",
        f"{row['late_s'] * 1000:.0f}",
    ]


def _beside(row: Row) -> list[str]:
    low, high = row["service_interval"]
    return [
        row["language"],
        str(row["prompts"]),
        f"{row['service']:.1%}",
        f"{low:.1%}–{high:.1%}",
        f"{row['direct']:.1%}",
        f"{100 * (row['service'] - row['direct']):+.1f}",
    ]


def growth(memory: list[list[float]]) -> tuple[float, float, float]:
    """MB after the first minutes, MB at the end (medians of tenths), and the growth in %."""
    after = [mb for minutes, mb in memory if minutes >= min(_SETTLES_MIN, memory[-1][0] / 3)]
    tenth = max(1, len(after) // 10)
    first, last = quantile(after[:tenth], 0.5), quantile(after[-tenth:], 0.5)
    return first, last, 100 * (last / first - 1)


def _memory(row: Row) -> str:
    first, last, grown = growth(row["memory"])
    return (
        f"- {row['n']} sessions, {row['minutes']:.1f} minutes: {first:,.0f} MB after the first "
        f"minutes, {last:,.0f} MB at the end ({grown:+.1f} %)"
    )


def line(row: Row) -> str:
    """A row as it is printed while it runs."""
    kind, _, of = row["key"].partition("/")
    if kind == "direct":
        return " | ".join(_beside(row))
    more = "" if kind != "memory" else "\n" + _memory(row)
    return f"{kind} {of}: " + " | ".join(_live(row)) + more


def write(path: Path, rows: Rows) -> None:
    """All tables that have rows."""
    sessions = sorted(rows.of("sessions"), key=lambda row: row["n"])
    prompts, direct, memory = rows.of("prompts"), rows.of("direct"), rows.of("memory")
    failures = [
        f"- {row['key']}: {len(row['failures'])} errors, the first {row['failures'][0]}"
        for row in (*sessions, *prompts, *memory)
        if row["failures"]
    ]
    parts = [
        ("Sessions in real time", table(_LIVE, [_live(row) for row in sessions]), sessions),
        ("A hundred telephone prompts, dealt to thirty sessions",
         table(_LIVE, [_live(row) for row in prompts]), prompts),
        ("Telephone prompts beside faster-whisper",
         table(_DIRECT, [_beside(row) for row in direct])
         + "\n\nOutside English accents do not count; small numerals are read as words.", direct),
        ("Memory", "\n".join(_memory(row) for row in memory), memory),
        ("Errors", "\n".join(failures), failures),
    ]  # fmt: skip
    report(
        path,
        "Recognition of real recordings",
        rows,
        _ABOUT,
        *(f"## {title}\n\n{text}" for title, text, found in parts if found),
    )
