"""The real command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from voice_agent.cli.main import app

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0
COMMAND = (sys.executable, "-m", "voice_agent.cli")


def environment(**settings: object) -> dict[str, str]:
    """Ours, with settings by environment name without prefix, and without colours."""
    named = {f"VOICE_AGENT_{name}": str(value) for name, value in settings.items()}
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "80", **named}


def voice_agent(
    *arguments: object, stdin: str = "", **settings: object
) -> "subprocess.CompletedProcess[str]":
    """Runs ``voice-agent`` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=environment(**settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def in_process(*arguments: object, **settings: object) -> Result:
    """The command in this process, for what ends before anything starts."""
    named = {f"VOICE_AGENT_{name}": str(value) for name, value in settings.items()}
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=named)


def sentence(result: "subprocess.CompletedProcess[str] | Result") -> str:
    """The one line of stderr of a command that failed as it should."""
    code = result.exit_code if isinstance(result, Result) else result.returncode
    assert code == 1, result
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")
