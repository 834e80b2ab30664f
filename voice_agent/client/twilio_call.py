"""The telephone's side of Twilio Media Streams: a call to any server that speaks them.

What Twilio does with a call, this does: audio goes out in frames of 20 ms and in real time,
what comes is played at the pace of speech, a mark comes back when all before it was played,
and `clear` drops what was not played, which brings all marks back at once.
"""

import asyncio
import base64
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from voice_agent.client.buffers import bound_buffers
from voice_agent.client.twilio_listener import CallListener
from voice_agent.errors import EngineUnavailable, Unauthorized

RATE_HZ = 8_000
FRAME_S = 0.02
FRAME_BYTES = 160
SILENCE = b"\xff" * FRAME_BYTES

_HTTP_FORBIDDEN = 403
_MAX_MESSAGE_BYTES = 16 << 20
# how far behind real time the caller may be and still catch up; what is more is a hole in
# the line
_MAX_BEHIND_S = 0.2
_CLOSE_WITHIN_S = 5.0
_WORDS_OF_A_SERVER = frozenset({"media", "mark", "clear"})


class TwilioCall:
    """One call; made by `calling`. Whoever has it calls `beat` once for every 20 ms.

    Attributes:
        stream_sid: As the server knows the stream.
        call_sid: As it knows the call.
        sent: All µ-law that the caller said.
        heard: All µ-law that the caller heard; as long as `sent`.
        messages: When each message came (monotonic seconds), and what it was.
        odd: What Twilio would complain about, by its kind.
        marks: Names of the marks that came back, with whether they were played.
    """

    def __init__(self, socket: ClientConnection, call_sid: str) -> None:
        self._socket = socket
        self.stream_sid = f"MZ{secrets.token_hex(16)}"
        self.call_sid = call_sid
        self.sent = bytearray()
        self.heard = bytearray()
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.odd: Counter[str] = Counter()
        self.marks: list[tuple[str, bool]] = []
        self._ear = CallListener()
        self._sequence = 0
        self._chunk = 0
        self._due_s: float | None = None
        self.over = False
        """Whether the server has ended the stream."""

    @property
    def close_code(self) -> int | None:
        """What the stream was closed with; None while it is open."""
        return self._socket.close_code

    @property
    def busy(self) -> bool:
        """Whether something of the server's waits to be heard."""
        return self._ear.busy

    def of(self, event: str) -> list[tuple[float, dict[str, Any]]]:
        """The messages of one kind."""
        return [(at_s, message) for at_s, message in self.messages if message["event"] == event]

    async def begin(self, parameters: Mapping[str, str]) -> None:
        """Says what Twilio says first."""
        await self.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start: dict[str, Any] = {
            "accountSid": "AC" + "0" * 32,
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE_HZ, "channels": 1},
            "customParameters": dict(parameters),
        }
        await self.send_event("start", start)

    async def beat(self, frame: bytes = SILENCE) -> bytes:
        """Says 20 ms and hears 20 ms, when their time has come; returns what was heard."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        due_s = now_s if self._due_s is None else max(self._due_s, now_s - _MAX_BEHIND_S)
        self._due_s = due_s + FRAME_S
        await asyncio.sleep(due_s - now_s)
        self._chunk += 1
        media = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str(round((self._chunk - 1) * FRAME_S * 1000)),
            "payload": base64.b64encode(frame).decode(),
        }
        await self.send_event("media", media)
        heard, passed = self._ear.hear(FRAME_BYTES)
        self.sent += frame
        self.heard += heard
        for name in passed:
            await self._return_mark(name, played=True)
        return heard

    async def say(self, ulaw: bytes) -> None:
        """Says something at the pace of speech; silence completes its last frame."""
        for at in range(0, len(ulaw), FRAME_BYTES):
            if self.over:
                return
            await self.beat(ulaw[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff"))

    async def wait(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Is silent until something holds, or the call is over; returns whether it holds."""
        deadline_s = time.monotonic() + within_s
        while not holds() and not self.over and time.monotonic() < deadline_s:
            await self.beat()
        return holds()

    async def press(self, digit: str) -> None:
        """Presses a key."""
        await self.send_event("dtmf", {"track": "inbound_track", "digit": digit})

    async def hang_up(self) -> None:
        """Ends the stream as Twilio does when the caller has hung up."""
        await self.send_event("stop", {"accountSid": "AC" + "0" * 32, "callSid": self.call_sid})

    async def send_event(self, event: str, fields: Mapping[str, Any]) -> None:
        """Sends a message with its number."""
        self._sequence += 1
        await self.send_json(
            {
                "event": event,
                "sequenceNumber": str(self._sequence),
                "streamSid": self.stream_sid,
                event: fields,
            }
        )

    async def send_json(self, message: Any) -> None:
        """Sends anything; nothing once the stream is over."""
        try:
            await self._socket.send(message if isinstance(message, str) else json.dumps(message))
        except ConnectionClosed:
            self.over = True

    async def listen(self) -> None:
        """Reads until the stream is over."""
        try:
            async for data in self._socket:
                await self._take(data)
        except ConnectionClosed:
            pass
        finally:
            self.over = True

    async def _take(self, data: str | bytes) -> None:
        message = _read(data)
        event = message.get("event")
        if event not in _WORDS_OF_A_SERVER:
            self.odd["31951 unknown message"] += 1
            return
        self.messages.append((time.monotonic(), message))
        if message.get("streamSid") != self.stream_sid:
            self.odd["31951 wrong streamSid"] += 1
        elif event == "clear":
            for name in self._ear.clear():
                await self._return_mark(name, played=False)
        elif event == "mark":
            name = _name(message)
            if self._ear.mark(name):
                await self._return_mark(name, played=True)
        elif not self._ear.add(self._ulaw(message)):
            self.odd["31931 too much media"] += 1

    def _ulaw(self, message: dict[str, Any]) -> bytes:
        try:
            return base64.b64decode(message["media"]["payload"], validate=True)
        except (KeyError, TypeError, ValueError):
            self.odd["31951 unreadable media"] += 1
            return b""

    async def _return_mark(self, name: str, *, played: bool) -> None:
        self.marks.append((name, played))
        await self.send_event("mark", {"name": name})


@asynccontextmanager
async def calling(
    url: str,
    *,
    call_sid: str | None = None,
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
) -> AsyncGenerator[TwilioCall]:
    """Calls a server; hangs up at the end.

    Args:
        url: Of its stream.
        call_sid: Names the call; made up if None.
        parameters: What the TwiML passed on.
        headers: Of the upgrade, such as its signature.
        timeout_s: For connecting.

    Raises:
        EngineUnavailable: No server answers there.
        Unauthorized: It wants a signature.
    """
    socket = await _connected(url, headers or {}, timeout_s)
    call = TwilioCall(socket, call_sid or f"CA{secrets.token_hex(16)}")
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(call.listen())
        try:
            await call.begin(parameters or {})
            yield call
            await call.hang_up()
            await asyncio.wait([listening], timeout=_CLOSE_WITHIN_S)
        finally:
            await socket.close()


async def _connected(url: str, headers: Mapping[str, str], timeout_s: float) -> ClientConnection:
    try:
        opened = await connect(
            url,
            additional_headers=headers,
            open_timeout=timeout_s,
            max_size=_MAX_MESSAGE_BYTES,
            compression=None,
            close_timeout=2,
            proxy=None,
        )
        bound_buffers(opened.transport.get_extra_info("socket"))
        return opened
    except InvalidStatus as error:
        if error.response.status_code == _HTTP_FORBIDDEN:
            raise Unauthorized(
                f"{url} takes signed calls only: use --webhook, or set twilio.insecure there"
            ) from error
        status = error.response.status_code
        raise EngineUnavailable(f"{url} takes no calls: it answers HTTP {status}") from error
    except (OSError, WebSocketException, ValueError) as error:
        raise EngineUnavailable(f"no server answers at {url}") from error


def _name(message: dict[str, Any]) -> str:
    mark: Any = message.get("mark")
    return str(cast("dict[str, Any]", mark).get("name", "")) if isinstance(mark, dict) else ""


def _read(data: str | bytes) -> dict[str, Any]:
    """A message; an empty one if it is none."""
    if isinstance(data, bytes):
        return {}
    try:
        message: Any = json.loads(data)
    except ValueError:
        return {}
    return cast("dict[str, Any]", message) if isinstance(message, dict) else {}
