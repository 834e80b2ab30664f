"""Rows of a benchmark outlive its process."""

from pathlib import Path

import pytest

from benchmarks.rows import Rows, p50_p95, pending, percent, quantile, report, table


def test_rows_are_there_after_an_interruption(tmp_path: Path) -> None:
    rows = Rows("some", folder=tmp_path)
    rows.add("n/1", {"wer": 0.05})
    again = Rows("some", folder=tmp_path)
    again.add("n/6", {"wer": 0.06})
    assert "n/1" in again
    assert [row["wer"] for row in Rows("some", folder=tmp_path).of("n")] == [0.05, 0.06]


def test_fresh_rows_forget_the_old_ones(tmp_path: Path) -> None:
    Rows("some", folder=tmp_path).add("n/1", {})
    assert "n/1" not in Rows("some", fresh=True, folder=tmp_path)


def test_only_what_is_missing_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Rows("some", folder=tmp_path)
    rows.add("n/1", {})
    assert pending(rows, [("n/1", 60.0), ("n/6", 120.0)]) == ["n/6"]
    assert "1 rows to measure, about 2 minutes; 1 kept" in capsys.readouterr().out


def test_a_report_names_the_machine_of_every_row(tmp_path: Path) -> None:
    rows = Rows("some", folder=tmp_path)
    rows.add("n/1", {})
    report(tmp_path / "some.md", "Some", rows, "", table(["a", "b"], [["1", "2"]]))
    text = (tmp_path / "some.md").read_text()
    assert text.startswith(f"# Some\n\n{rows.machines[0]}.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |")


def test_percentiles_and_shares() -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert quantile([1.0], 0.95) == 1.0
    assert p50_p95([0.0, 1.0]) == "0.50 / 0.95"
    assert p50_p95([]) == "–"
    assert percent(1, 8) == "12.5 %"
    assert percent(0, 0) == "–"
