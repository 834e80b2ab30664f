"""One WebSocket connection to a service: opened, told apart, closed.

Clients that outlive a connection are in `voice_agent.client.reconnecting`.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from voice_agent.client.buffers import bound_buffers
from voice_agent.client.keepalive import Ear, Keepalive, Silence
from voice_agent.errors import (
    BadMessage,
    EngineUnavailable,
    ResumeExpired,
    SettingsError,
    Unauthorized,
    VoiceAgentError,
)
from voice_agent.wire.common import ClientMessage, Error, Ready, ServerMessage, read
from voice_agent.wire.tts import AudioChunk

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


@dataclass(frozen=True, slots=True)
class Resume:
    """What a session is gone on with.

    Attributes:
        token: Of its last `ready`.
        last_seq: Of the last message that came whole, with its binary frame.
    """

    token: str
    last_seq: int


class _Numbered(BaseModel):
    """What the transport adds to every message."""

    model_config = ConfigDict(extra="ignore")

    seq: int | None = None


class Connection(Generic[S]):
    """A session's connection; made by `open_connection`.

    Attributes:
        ready: How the service introduced itself.
        last_seq: Of the last message that came whole, with its binary frame.
        gone: Whether it was lost; then it stays so.
    """

    def __init__(
        self,
        socket: ClientConnection,
        adapter: TypeAdapter[S],
        url: str,
        ready: Ready,
        seq: int,
        keepalive: Keepalive | None,
    ) -> None:
        self._socket = socket
        self._ear = None if keepalive is None else Ear(socket, keepalive)
        self._adapter = adapter
        self._url = url
        self.ready = ready
        self.last_seq = seq
        self.gone = False
        self._seq_of_binary = seq

    async def close(self) -> None:
        """Ends it; may be called twice."""
        await self._socket.close()

    async def send(self, message: ClientMessage | bytes) -> None:
        """Sends a message, or a binary frame; waits while the service does not read.

        Raises:
            EngineUnavailable: The connection is gone.
        """
        text = not isinstance(message, bytes)
        await self.send_frame(message.model_dump_json(exclude_none=True) if text else message)

    async def send_frame(self, data: bytes | str) -> None:
        """Sends a frame as it is. Raises as `send`."""
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
                data = await (self._ear or self._socket).recv()
            except Silence:
                self.gone = True
                raise EngineUnavailable(f"{self._url} says nothing any more") from None
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code == _NORMAL_CLOSURE:
                    return None
                raise self._lost(error) from error
            if isinstance(data, bytes):
                self.last_seq = self._seq_of_binary
                return data
            message = read(self._adapter, data)
            self._count(_Numbered.model_validate_json(data).seq, message)
            if isinstance(message, Error):
                raise error_of(message)
            if message is not None:
                return message

    def _count(self, seq: int | None, message: S | None) -> None:
        if seq is None:
            return
        self._seq_of_binary = seq
        if not isinstance(message, AudioChunk):
            self.last_seq = seq

    def _lost(self, error: ConnectionClosed) -> EngineUnavailable:
        self.gone = True
        code = "" if error.rcvd is None else f" (code {error.rcvd.code})"
        return EngineUnavailable(f"the connection to {self._url} was lost{code}")


@asynccontextmanager
async def open_connection(
    url: str, service: str, adapter: TypeAdapter[S], *, timeout_s: float
) -> AsyncGenerator[Connection[S]]:
    """Connects, and closes afterwards. Arguments and errors as of `connected`."""
    connection = await connected(url, service, adapter, timeout_s=timeout_s)
    try:
        yield connection
    finally:
        await connection.close()


async def connected(
    url: str,
    service: str,
    adapter: TypeAdapter[S],
    *,
    timeout_s: float,
    resume: Resume | None = None,
    keepalive: Keepalive | None = None,
) -> Connection[S]:
    """Connects, and waits until the service says that it is ready.

    Args:
        url: As `service_url` takes it.
        service: Which one has to be there: `asr`, `tts` or `agent`.
        adapter: What the service may send.
        timeout_s: For connecting, and then for being greeted.
        resume: The session to go on with; ``ready.resumed`` says whether it does.
        keepalive: When a silent connection is taken for lost; None leaves that to the pings
            of the library, which are patient.

    Raises:
        SettingsError: The address cannot be one.
        AtCapacity: The service has no free slot.
        EngineUnavailable: No service answers there, or another one.
        Unauthorized: It wants a key.
    """
    url = service_url(url)
    socket = await _connected(_resuming(url, resume), url, timeout_s)
    try:
        ready, seq = await _introduced(socket, url, timeout_s)
        if ready.service != service:
            raise EngineUnavailable(f"{url} is a service of kind {ready.service}, not {service}")
    except BaseException:
        await socket.close()
        raise
    return Connection(socket, adapter, url, ready, seq, keepalive)


def _resuming(url: str, resume: Resume | None) -> str:
    if resume is None:
        return url
    parts = urlsplit(url)
    query = urlencode({"resume": resume.token, "last_seq": resume.last_seq})
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


async def _connected(address: str, url: str, timeout_s: float) -> ClientConnection:
    try:
        opened = await connect(
            address,
            open_timeout=timeout_s,
            max_size=_MAX_FRAME_BYTES,
            compression=None,
            # a service that computes for long stops reading, and is not gone
            ping_timeout=60,
            close_timeout=2,
            proxy=None,
        )
        bound_buffers(opened.transport.get_extra_info("socket"))
        return opened
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


async def _introduced(socket: ClientConnection, url: str, timeout_s: float) -> tuple[Ready, int]:
    """Reads up to `ready`, and its number; what else may come before it is an error."""
    opening: TypeAdapter[Ready | Error] = TypeAdapter(Ready | Error)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                text = str(await socket.recv())
                message = read(opening, text)
                if not (isinstance(message, Error) and message.code == ResumeExpired.code):
                    break
    except (ConnectionClosed, BadMessage, TimeoutError) as error:
        raise EngineUnavailable(f"{url} is no service of ours: it does not say ready") from error
    if isinstance(message, Ready):
        return message, _Numbered.model_validate_json(text).seq or 0
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
