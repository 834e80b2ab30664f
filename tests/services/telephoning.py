"""Telephone calls by hand: any message in any order, to a real service."""

import json
import re
import socket
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.services.conftest import RunningService
from tests.twilio_messages import CONNECTED, Message, media, start

TONE = bytes([0x10, 0x90] * 80)
"""20 ms that can be heard: the echo service gives it back."""
_PATIENCE_S = 15.0


def stream_url(service: RunningService) -> str:
    return f"ws://127.0.0.1:{service.port}/twilio/stream"


class Line:
    """A stream in the hands of a test."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._n_sent = 1

    def send(self, *messages: Message | str | bytes) -> None:
        """Sends; what is no text is sent as JSON. The other side may have closed."""
        try:
            for message in messages:
                data = message if isinstance(message, str | bytes) else json.dumps(message)
                self.connection.send(data)
        except ConnectionClosed:
            pass

    def begin(self, call_sid: str = "CA0", **fields: Any) -> None:
        """As Twilio begins."""
        self.send(CONNECTED, start(call_sid=call_sid, **fields))

    def speak(self, n_frames: int, ulaw: bytes = TONE) -> None:
        """Sends audio in order, as fast as the server takes it."""
        for _ in range(n_frames):
            self._n_sent += 1
            at_ms = str((self._n_sent - 2) * 20)
            self.send(media(ulaw, sequence=str(self._n_sent), timestamp=at_ms))

    def receive(self, within_s: float = _PATIENCE_S) -> Message:
        """The next message."""
        return json.loads(self.connection.recv(within_s))

    def hears(self) -> bool:
        """Whether the call is alive: what is said now comes back."""
        self.speak(5)
        try:
            return self.receive()["event"] == "media"
        except ConnectionClosed:
            return False

    def close_code(self, within_s: float = _PATIENCE_S) -> int | None:
        """What the server closes the stream with; what comes before is passed over."""
        deadline_s = time.monotonic() + within_s
        try:
            while True:
                self.connection.recv(max(0.0, deadline_s - time.monotonic()))
        except ConnectionClosed:
            return self.connection.close_code

    def hang_up_behind(self, n_frames: int, call_sid: str) -> None:
        """Audio, `stop` and the end of the stream, all at once."""
        messages = [
            media(TONE, sequence=str(n + 2), timestamp=str(n * 20)) for n in range(n_frames)
        ]
        end = {"accountSid": "AC0", "callSid": call_sid}
        messages.append({"event": "stop", "streamSid": "MZ0", "stop": end})
        protocol = self.connection.protocol
        with self.connection.protocol_mutex:
            for message in messages:
                protocol.send_text(json.dumps(message).encode())
            protocol.send_close(1000)
            self.connection.socket.sendall(b"".join(protocol.data_to_send()))

    def break_off(self) -> None:
        """Resets the connection, as a network does."""
        raw = self.connection.socket
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()


@contextmanager
def dialled(service: RunningService, **options: Any) -> Generator[Line]:
    """A stream on which nothing was said yet."""
    with connect(
        stream_url(service), compression=None, close_timeout=1, proxy=None, **options
    ) as connection:
        yield Line(connection)


@contextmanager
def in_a_call(service: RunningService, call_sid: str = "CA0") -> Generator[Line]:
    """A stream whose call has begun."""
    with dialled(service) as line:
        line.begin(call_sid)
        yield line


def metric(service: RunningService, name: str, **labels: str) -> float:
    """The value of a metric; 0 if it has none yet."""
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    total = 0.0
    for line in httpx2.get(f"{service.http}/metrics").text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and wanted <= set((found[2] or "").split(",")):
            total += float(found[3])
    return total


def until_free(service: RunningService, within_s: float = _PATIENCE_S) -> None:
    """Waits until no call holds a slot."""
    deadline_s = time.monotonic() + within_s
    while httpx2.get(f"{service.http}/readyz").json()["sessions"]:
        assert time.monotonic() < deadline_s, "a call still holds a slot"
        time.sleep(0.05)
