"""A store whose writers are killed has whole voices only, and clears away the rest."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_writer_can_be_killed_at_every_step(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.voices.killed_writers", str(tmp_path / "voices")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    at_steps, at_random = map(int, done.stdout.split())
    assert at_steps > 50
    assert at_random == 60
