"""Errors as one sentence on the terminal, and an exit code."""

from collections.abc import Generator
from contextlib import contextmanager

import typer

from voice_agent.errors import VoiceAgentError


@contextmanager
def or_exit() -> Generator[None]:
    """Ends the program with the error's sentence and code 1."""
    try:
        yield
    except VoiceAgentError as error:
        typer.secho(f"error ({error.code}): {error.message}", err=True, fg="red")
        raise typer.Exit(1) from error
