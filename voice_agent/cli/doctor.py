"""``voice-agent doctor``: whether this machine is ready, and what would make it better."""

import dataclasses
import json
from typing import Annotated

import typer

from voice_agent.cli.errors import FAILED, or_exit
from voice_agent.cli.services import Config
from voice_agent.settings import load_settings

_COLOURS = {"ok": "green", "note": "yellow", "bad": "red"}
_WIDTH = 18


def doctor(
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check engines, packages, ports and disk.

    Says which engines would be picked, why, and what would change that. Exit code 0 if
    the services can start ready here, else 1.
    """
    from voice_agent.cli.checks import Verdict, examine

    with or_exit():
        settings = load_settings(config)
        findings = list(examine(settings))
    bad = [finding for finding in findings if finding.verdict is Verdict.BAD]
    if as_json:
        listed = [dataclasses.asdict(finding) for finding in findings]
        typer.echo(json.dumps({"ok": not bad, "findings": listed}, indent=2))
    else:
        for finding in findings:
            mark = typer.style(f"{finding.verdict.value:<5}", fg=_COLOURS[finding.verdict])
            typer.echo(f"{mark}{finding.what:<{_WIDTH}}{finding.detail}")
            if finding.hint:
                typer.echo(f"{'':<{_WIDTH + 5}}→ {finding.hint}")
        if bad:
            typer.secho(f"cannot run: {', '.join(f.what for f in bad)}", fg="red")
        else:
            typer.secho("ready: voice-agent up", fg="green")
    if bad:
        raise typer.Exit(FAILED)
