"""Serves one app in this process until it is told to stop."""

import gc
import signal
import socket
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI
from loguru import logger
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]  it has none
from uvicorn.importer import import_from_string

from voice_agent.errors import SettingsError
from voice_agent.server.backpressure import HttpFlow, WebSocketFlow, bound_kernel
from voice_agent.server.sessions import Sessions
from voice_agent.settings import Settings

# room above the frame limit, so that a frame a little too large gets `too_large` and the
# session goes on; a much larger one ends the connection with 1009
_FRAME_HEADROOM = 4
_VOICE_FRAME_HEADROOM = 1.5

# New objects before a collection (Python's own: 700). Frames come and go by reference
# counting alone, and a collection of everything is a pause for every session.
_GC_THRESHOLDS = (20_000, 20, 50)


class _Server(uvicorn.Server):
    """Lets running sessions finish before it closes connections."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to end. Unlike uvicorn's, raises the signal no second time: the code is 0."""
        del frame
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

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
        SettingsError: The engines cannot be chosen, or the address cannot be listened on.
    """
    app: FastAPI = import_from_string(path)
    app.state.choose_engines(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        # a class by its docs, a factory by its use
        http=partial(HttpFlow, send_timeout_s=settings.server.send_timeout_s),  # pyright: ignore[reportArgumentType]
        ws=WebSocketFlow,
        ws_per_message_deflate=False,
        ws_max_size=max(
            settings.server.max_frame_bytes * _FRAME_HEADROOM,
            int(settings.server.max_voice_frame_bytes * _VOICE_FRAME_HEADROOM),
        ),
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    listener = _listen(host, port)
    logger.info("listening on http://{}:{}", host, listener.getsockname()[1])
    # numpy's linear algebra would share small products with a second thread that then spins
    # for more: a third of a core at 30 callers, for nothing
    threadpool_limits(limits=1, user_api="blas")
    gc.set_threshold(*_GC_THRESHOLDS)
    _Server(config, app).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; is it in use?"
        ) from error
    bound_kernel(listener)
    return listener
