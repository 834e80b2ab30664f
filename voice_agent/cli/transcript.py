"""What was said in a call, from the record that the agent has kept of it."""

import asyncio
import time
from pathlib import Path

import typer
from pydantic import ValidationError

from voice_agent.records.record import AgentTurn, Record

# it is written when the call has ended, beside everything else
_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.05
# records of other calls that may have ended since
_NEWEST = 100


async def show(folder: Path, call_sid: str) -> None:
    """Prints the turns of a call that is over, and where the time went before each answer.

    Args:
        folder: Where the agent keeps its records: `records.dir`, on the same machine.
        call_sid: Of the call.
    """
    deadline_s = time.monotonic() + _WITHIN_S
    while (record := _find(folder, call_sid)) is None:
        if time.monotonic() > deadline_s:
            typer.echo(f"no record of the call in {folder}: is it the agent's folder?", err=True)
            return
        await asyncio.sleep(_LOOK_EVERY_S)
    for turn in record.turns:
        start = "        " if turn.start_s is None else f"{turn.start_s:6.2f} s"
        if isinstance(turn, AgentTurn):
            typer.echo(f"{start}  agent   {_said(turn)}")
            if turn.latency:
                stages = ", ".join(f"{stage.name} {stage.ms:.0f} ms" for stage in turn.latency)
                typer.echo(f"                  {stages}")
        else:
            typer.echo(f"{start}  caller  {turn.text}")


def _said(turn: AgentTurn) -> str:
    said = " ".join([*turn.phrases, turn.said.strip()]).strip()
    return f"{said} [heard: {(turn.heard or '').strip()}]" if turn.interrupted else said


def _find(folder: Path, call_sid: str) -> Record | None:
    for path in sorted(folder.glob("*.json"), reverse=True)[:_NEWEST]:
        try:
            record = Record.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):
            continue  # somebody else's file, or one that is gone
        if record.call_sid == call_sid:
            return record
    return None
