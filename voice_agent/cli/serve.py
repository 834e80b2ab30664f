"""``voice-agent serve``: one service in this process."""

import os
import signal
import sys
import threading
import time
from typing import Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.first_start import bring_missing
from voice_agent.cli.services import AsrUrl, Config, Host, ServiceName, TtsUrl, port_of
from voice_agent.settings import Settings, load_settings

# beyond the draining that the settings allow: closing engines
_EXIT_GRACE_S = 10.0


def serve(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    host: Host = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = None,
    asr_url: AsrUrl = None,
    tts_url: TtsUrl = None,
    config: Config = None,
    follow: Annotated[bool, typer.Option("--follow", hidden=True)] = False,
) -> None:
    """Serve one service until it is told to stop."""
    with or_exit():
        remote = {
            role: {"engine": "remote", "url": url}
            for role, url in (("asr", asr_url), ("tts", tts_url))
            if url is not None
        }
        settings = load_settings(config, **remote)
        if follow:
            # whoever started us has brought what could be brought
            _end_with_stdin(settings.server.drain_timeout_s + _EXIT_GRACE_S)
        else:
            bring_missing([service], settings)
        run(service, settings, host=host, port=port)


def run(
    service: ServiceName, settings: Settings, *, host: str | None = None, port: int | None = None
) -> None:
    """Serves in this process; what is not given comes from the settings.

    Raises:
        SettingsError: The settings cannot work.
    """
    from voice_agent.cli.engine_selection import check_choices
    from voice_agent.log import set_up_logging
    from voice_agent.server.run import run_app

    check_choices(service, settings, may_lack_model=True)
    if port is None:
        port = settings.server.port or port_of(service)
    set_up_logging(service.value, settings.log, settings.privacy)
    # by name, as uvicorn does it: nothing here imports upwards
    run_app(
        f"bots.{service.value}:app",
        host=host or settings.server.host,
        port=port,
        settings=settings,
    )


def _end_with_stdin(deadline_s: float) -> None:
    """Stops this process when its stdin ends, as it does however its parent dies."""

    def watch() -> None:
        # not sys.stdin: its lock would be held at interpreter exit
        while os.read(sys.__stdin__.fileno() if sys.__stdin__ else 0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(deadline_s)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="follows its parent").start()
