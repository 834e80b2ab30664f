"""Serves one app in this process until it is told to stop."""

import socket

import uvicorn
from fastapi import FastAPI
from loguru import logger
from uvicorn.importer import import_from_string

from voice_agent.errors import SettingsError
from voice_agent.server.sessions import Sessions
from voice_agent.settings import Settings

# room above the frame limit, so that a frame a little too large gets `too_large` and the
# session goes on; a much larger one ends the connection with 1009
_FRAME_HEADROOM = 4
# What the kernel and uvicorn hold for a client that reads slowly; the rest waits in the
# engine. 32 KiB are 0.3 s of 24 kHz float32 and 4 s of telephone audio.
_SEND_BUFFER_BYTES = 32 << 10


class _Server(uvicorn.Server):
    """Lets running sessions finish before it closes connections."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        sessions: Sessions = self._app.state.service.sessions
        await sessions.drain()
        await super().shutdown(sockets)


def run_app(path: str, *, host: str, port: int, settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM; running sessions get `server.drain_timeout_s`.

    Args:
        path: Where to import the app from (``bots.asr:app``).
        host: Address to listen on.
        port: Port; 0 takes a free one.
        settings: Of the process; the app gets them too.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    app: FastAPI = import_from_string(path)
    app.state.settings = settings
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=max(
            settings.server.max_frame_bytes * _FRAME_HEADROOM,
            settings.server.max_voice_frame_bytes + (1 << 20),
        ),
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    listener = _listen(host, port)
    logger.info("listening on http://{}:{}", host, listener.getsockname()[1])
    _Server(config, app).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; is it in use?"
        ) from error
    # accepted sockets inherit it
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return listener
