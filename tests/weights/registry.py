"""Pulls from a scripted registry, in this process and in others."""

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.weights.toy import HASTY, toy
from voice_agent.settings import Settings
from voice_agent.weights.pull import pull
from voice_agent.weights.sources import Origin

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


def pulled(settings: Settings, origin: Origin = "any") -> tuple[Path, list[str]]:
    """The folder, and why sources were refused."""
    refused: list[str] = []
    folder = pull(
        toy(),
        settings,
        on_progress=lambda _: None,
        on_refusal=refused.append,
        patience=HASTY,
        origin=origin,
    )
    return folder, refused


@contextmanager
def pulling(
    settings: Settings,
    origin: Origin = "package",
    preexec: Callable[[], None] | None = None,
) -> Generator["subprocess.Popen[str]"]:
    """A process that pulls; its stdout tells the progress. What is left of it is killed."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "tests.weights.toy"),
            *(str(settings.models.dir), settings.models.hub_url, origin),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=preexec,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said_by(process: "subprocess.Popen[str]") -> str:
    """The error of a process that has to fail."""
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, said
    return said.splitlines()[-1]
