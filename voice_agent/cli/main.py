"""The command line: ``voice-agent``."""

from importlib.metadata import version
from typing import Annotated

import typer

from voice_agent.cli.call import call
from voice_agent.cli.config import config
from voice_agent.cli.doctor import doctor
from voice_agent.cli.eval_turns import eval_turns
from voice_agent.cli.eval_window import eval_window
from voice_agent.cli.models import models
from voice_agent.cli.say import say
from voice_agent.cli.serve import serve
from voice_agent.cli.talk import talk
from voice_agent.cli.transcribe import transcribe
from voice_agent.cli.up import up
from voice_agent.cli.voices import voices

app = typer.Typer(
    name="voice-agent",
    help="A voice agent server: speech in, speech out.",
    no_args_is_help=True,
    add_completion=False,
    # plain text: the same on a terminal, in a pipe and in the documentation
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(serve)
app.command()(transcribe)
app.command()(say)
app.command()(talk)
app.command()(call)
app.add_typer(voices, name="voices")
app.add_typer(models, name="models")
app.command()(eval_turns)
app.command()(eval_window)
app.command()(config)
app.command()(doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"voice-agent {version('voice-agent')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    no_color: Annotated[
        str, typer.Option("--no-color", envvar="NO_COLOR", show_envvar=False, hidden=True)
    ] = "",
) -> None:
    if no_color:
        context.color = False
