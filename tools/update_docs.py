"""Writes the output of ``voice-agent … --help`` into the documents that show it.

A block of ``console`` whose first line is ``$ voice-agent … --help`` is replaced whole.

    .venv/bin/python tools/update_docs.py           writes
    .venv/bin/python tools/update_docs.py --check   only says which file is out of date
"""

import re
import sys
from pathlib import Path

from typer.testing import CliRunner

from voice_agent.cli.main import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "docs" / "command-line.md",)

_BLOCK = re.compile(
    r"(?<=^```console\n)\$ voice-agent(?P<words>[^\n]*) --help\n.*?(?=^```$)", re.M | re.S
)


def updated(text: str) -> str:
    """A document with its blocks as they should be."""
    return _BLOCK.sub(lambda block: help_block(block["words"]), text)


def help_block(words: str) -> str:
    """The command, and what it prints."""
    arguments = [*words.split(), "--help"]
    result = CliRunner().invoke(
        app, arguments, prog_name="voice-agent", env={"COLUMNS": "80", "NO_COLOR": "1"}
    )
    if result.exit_code:
        raise SystemExit(f"voice-agent{words} --help failed:\n{result.output}")
    return f"$ voice-agent{words} --help\n{result.output.rstrip()}\n"


def main() -> int:
    """Returns the exit code."""
    stale = [path for path in DOCUMENTS if updated(path.read_text()) != path.read_text()]
    for path in stale:
        print(path.relative_to(ROOT))
        if "--check" not in sys.argv:
            path.write_text(updated(path.read_text()))
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
