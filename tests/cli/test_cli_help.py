import re
import subprocess
import sys

from tests.cli.command import ROOT, environment, in_process
from voice_agent.cli.main import app


def test_the_documented_help_is_what_the_commands_print() -> None:
    check = subprocess.run(
        [sys.executable, "tools/update_docs.py", "--check"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, (
        f"out of date: {check.stdout}{check.stderr}"
        "write it anew: .venv/bin/python tools/update_docs.py"
    )


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text()
    documented = set(re.findall(r"^\$ voice-agent ([\w-]+) --help$", text, re.MULTILINE))
    names = {
        command.name or getattr(command.callback, "__name__", "").replace("_", "-")
        for command in app.registered_commands
    }
    groups = {group.name for group in app.registered_groups}
    assert names <= documented <= names | groups


def test_help_has_no_colours_and_fits_a_terminal() -> None:
    for words in ((), ("transcribe",), ("up",)):
        printed = in_process(*words, "--help").stdout
        assert "\x1b" not in printed
        assert max(map(len, printed.splitlines())) <= 80
