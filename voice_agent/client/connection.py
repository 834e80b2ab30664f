"""One WebSocket connection to a service: opened, told apart, closed.

The session that a connection carries could outlive it (the wire has resume); whoever adds
that replaces `_socket` inside `Connection`, and the clients above need not know.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit, urlunsplit

from loguru import logger
from pydantic import TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from voice_agent.errors import (
    BadMessage,
    EngineUnavailable,
    SettingsError,
    Unauthorized,
    VoiceAgentError,
)
from voice_agent.wire.asr import Close, Config, Finalize
from voice_agent.wire.common import ClientMessage, Error, Ready, ServerMessage, read

S = TypeVar("S", bound=ServerMessage)
M = TypeVar("M", bound=ClientMessage)

_SCHEMES = {"": "ws", "ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}
# one chunk of audio: the longest is a whole synthesis in float32 (5,000 characters, 48 kHz)
_MAX_FRAME_BYTES = 256 << 20
_NORMAL_CLOSURE = 1000
_HTTP_UNAUTHORIZED = 401


def service_url(url: str) -> str:
    """Completes what a person types: ``localhost:8001`` is ``ws://localhost:8001/ws``.

    Raises:
        SettingsError: It is no address of a WebSocket.
    """
    parts = urlsplit(url if "//" in url else f"//{url}")
    scheme = _SCHEMES.get(parts.scheme)
    try:
        valid = scheme is not None and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if scheme is None or not valid:
        raise SettingsError(f"{url!r} is no address of a service: write ws://HOST:PORT/ws")
    path = parts.path if parts.path.strip("/") else "/ws"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


class Connection(Generic[S]):
    """A session's connection; made by `open_connection`.

    Attributes:
        ready: How the service introduced itself.
    """

    def __init__(
        self, socket: ClientConnection, adapter: TypeAdapter[S], url: str, ready: Ready
    ) -> None:
        self._socket = socket
        self._adapter = adapter
        self._url = url
        self.ready = ready

    async def send(self, message: ClientMessage | bytes) -> None:
        """Sends a message, or a binary frame; waits while the service does not read.

        Raises:
            EngineUnavailable: The connection is gone.
        """
        if isinstance(message, bytes):
            data: bytes | str = message
        else:
            data = message.model_dump_json(exclude_none=True)
        try:
            await self._socket.send(data)
        except ConnectionClosed as error:
            raise self._lost(error) from error

    async def receive(self) -> S | bytes | None:
        """The next message or binary frame; None once the service has closed in order.

        Messages of unknown types are passed over. It may be called again after an error
        that a message carried; the session goes on after most of those.

        Raises:
            VoiceAgentError: An `error` message came: the class that has its code.
            EngineUnavailable: The connection is gone.
        """
        while True:
            try:
                data = await self._socket.recv()
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code == _NORMAL_CLOSURE:
                    return None
                raise self._lost(error) from error
            if isinstance(data, bytes):
                return data
            message = read(self._adapter, data)
            if isinstance(message, Error):
                raise error_of(message)
            if message is not None:
                return message
            logger.debug("a message of an unknown type is passed over")

    def _lost(self, error: ConnectionClosed) -> EngineUnavailable:
        code = "" if error.rcvd is None else f" (code {error.rcvd.code})"
        return EngineUnavailable(f"the connection to {self._url} was lost{code}")


class HearingClient(Generic[S]):
    """What the clients of services that hear have in common: audio and its control go in."""

    def __init__(self, connection: Connection[S]) -> None:
        self._connection = connection

    @property
    def ready(self) -> Ready:
        """How the service introduced itself."""
        return self._connection.ready

    async def send(self, audio: bytes) -> None:
        """Sends audio; waits while the service is busy with what it has."""
        await self._connection.send(audio)

    async def configure(self, **values: Any) -> None:
        """Changes values from the next sample on; `configured` tells which are in force.

        Args:
            values: Fields of `voice_agent.wire.asr.Config`.

        Raises:
            BadMessage: A value that the wire does not allow; nothing was sent.
        """
        await self._connection.send(made(Config, {"type": "config", **values}))

    async def finalize(self) -> None:
        """Ends the turn now."""
        await self._connection.send(Finalize(type="finalize"))

    async def close(self) -> None:
        """Asks for what is due; the iteration ends after it."""
        await self._connection.send(Close(type="close"))


@asynccontextmanager
async def open_connection(
    url: str, service: str, adapter: TypeAdapter[S], *, timeout_s: float
) -> AsyncGenerator[Connection[S]]:
    """Connects, and waits until the service says that it is ready.

    Args:
        url: As `service_url` takes it.
        service: Which one has to be there: `asr`, `tts` or `agent`.
        adapter: What the service may send.
        timeout_s: For connecting, and then for being greeted.

    Raises:
        SettingsError: The address cannot be one.
        AtCapacity: The service has no free slot.
        EngineUnavailable: No service answers there, or another one.
        Unauthorized: It wants a key.
    """
    url = service_url(url)
    socket = await _connected(url, timeout_s)
    try:
        ready = await _introduced(socket, url, timeout_s)
        if ready.service != service:
            raise EngineUnavailable(f"{url} is a service of kind {ready.service}, not {service}")
        yield Connection(socket, adapter, url, ready)
    finally:
        await socket.close()


async def _connected(url: str, timeout_s: float) -> ClientConnection:
    try:
        return await connect(
            url,
            open_timeout=timeout_s,
            max_size=_MAX_FRAME_BYTES,
            compression=None,
            # a service that computes for long stops reading, and is not gone
            ping_timeout=60,
            close_timeout=2,
            proxy=None,
        )
    except InvalidStatus as error:
        if error.response.status_code == _HTTP_UNAUTHORIZED:
            raise Unauthorized(f"{url} wants a key") from error
        status = error.response.status_code
        raise EngineUnavailable(f"{url} is no service of ours: it answers HTTP {status}") from error
    except (OSError, WebSocketException) as error:
        raise EngineUnavailable(f"no service answers at {url} ({_reason(error)})") from error


def _reason(error: OSError | WebSocketException) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return "it took too long" if isinstance(error, TimeoutError) else str(error).lower()


async def _introduced(socket: ClientConnection, url: str, timeout_s: float) -> Ready:
    """Reads up to `ready`; what else may come before it is an error."""
    opening: TypeAdapter[Ready | Error] = TypeAdapter(Ready | Error)
    try:
        async with asyncio.timeout(timeout_s):
            message = read(opening, str(await socket.recv()))
    except (ConnectionClosed, BadMessage, TimeoutError) as error:
        raise EngineUnavailable(f"{url} is no service of ours: it does not say ready") from error
    if isinstance(message, Ready):
        return message
    if isinstance(message, Error):
        raise error_of(message)
    raise EngineUnavailable(f"{url} is no service of ours: it does not say ready")


def made(model: type[M], values: Mapping[str, Any]) -> M:
    """A client message.

    Raises:
        BadMessage: A value that the wire does not allow; nothing was sent.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadMessage(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None


def error_of(message: Error) -> VoiceAgentError:
    """The error that a service told of; a code of a newer service becomes the root class."""
    return _by_code().get(message.code, VoiceAgentError)(
        message.message,
        retry_after_ms=message.retry_after_ms,
        request_id=message.request_id,
    )


def _by_code(root: type[VoiceAgentError] = VoiceAgentError) -> Mapping[str, type[VoiceAgentError]]:
    found = {root.code: root}
    for kind in root.__subclasses__():
        found |= _by_code(kind)
    return found
