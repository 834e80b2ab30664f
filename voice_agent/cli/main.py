"""The command line: ``voice-agent``."""

import typer

from voice_agent.cli.serve import serve

app = typer.Typer(
    name="voice-agent",
    help="A voice agent server: speech in, speech out.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(serve)


@app.callback()
def _root() -> None:
    """Keeps `serve` a command of its own while it is the only one."""
