"""Twilio's REST interface that follows a script: the part that changes calls."""

import base64
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

# what the real one says about a call that is gone
_GONE = b'{"code": 20404, "message": "The requested resource was not found", "status": 404}'
_DONE = b'{"sid": "CA0", "status": "in-progress"}'


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came.

    Attributes:
        user: Account and token, as they were sent.
        fields: Of the form.
    """

    path: str
    user: str
    fields: dict[str, str]


@dataclass
class ScriptedTwilioApi:
    """How it answers, and what it was asked.

    Attributes:
        statuses: One for each request, the last one for ever; 0 never answers.
        asked: All requests.
    """

    statuses: list[int] = field(default_factory=lambda: [200])
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_status(self) -> int:
        """For the request that came now."""
        with self.lock:
            return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest would show it."""

    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        user = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic "))
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        with api.lock:
            api.asked.append(Asked(self.path, user.decode(), fields))
        status = api.next_status()
        if status == 0:
            api.release.wait(60)
            return
        answer = _GONE if status == 404 else _DONE
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: ScriptedTwilioApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that did not wait is part of the script."""


@contextmanager
def serving(api: ScriptedTwilioApi) -> Generator[ScriptedTwilioApi]:
    """Serves it on a free port of 127.0.0.1; its `url` says where."""
    server = _Server(api)
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        api.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
