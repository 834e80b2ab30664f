"""Errors as one sentence on the terminal, and an exit code."""

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import cast

import typer

from voice_agent.errors import VoiceAgentError

FAILED = 1
MISUSED = 2
_INTERRUPTED = 130


def complain(sentence: str) -> None:
    """Prints an error on stderr."""
    typer.secho(f"error: {sentence}", err=True, fg="red")


@contextmanager
def or_exit() -> Generator[None]:
    """Ends the program with a sentence and code 1 for what a person can put right.

    Anything else is a defect and keeps its stack trace.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except BrokenPipeError:
        # whoever read our output has enough (`| head`); nothing more can be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from None
    except (VoiceAgentError, OSError, BaseExceptionGroup) as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        complain(sentence)
        raise typer.Exit(FAILED) from None


def sentence_of(error: BaseException) -> str | None:
    """What a person is told about an error; None if it is a defect."""
    for cause in _leaves(error):
        if isinstance(cause, VoiceAgentError):
            return cause.message
        if isinstance(cause, OSError):
            where = f"{cause.filename}: " if cause.filename else ""
            return f"{where}{(cause.strerror or str(cause)).lower()}"
    return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside groups, which is how task groups raise them."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for inner in group.exceptions:
            yield from _leaves(inner)
    else:
        yield error
