"""Somebody's webhook that follows a script, and keeps what was posted."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Posted:
    """A request that came, and when (monotonic seconds)."""

    at_s: float
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedWebhook:
    """How it answers, and what it was sent.

    Attributes:
        statuses: One for each request, the last one for ever; 0 never answers.
        posted: All requests.
    """

    statuses: list[int] = field(default_factory=lambda: [204])
    posted: list[Posted] = field(default_factory=list)
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)
    news: threading.Condition = field(default_factory=threading.Condition)

    def next_status(self) -> int:
        """For the request that came now."""
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def until(self, count: int, within_s: float = 30.0) -> list[Posted]:
        """Waits for so many requests."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.posted) >= count, within_s), self.posted
            return list(self.posted)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest would show it."""

    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        hook = self.server.hook
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with hook.news:
            hook.posted.append(Posted(time.monotonic(), headers, body))
            status = hook.next_status()
            hook.news.notify_all()
        if status == 0:
            hook.release.wait(60)
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hook: ScriptedWebhook, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.hook = hook

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that did not wait is part of the script."""


@contextmanager
def serving(hook: ScriptedWebhook, port: int = 0) -> Generator[ScriptedWebhook]:
    """Serves it on 127.0.0.1; its `url` says where."""
    server = _Server(hook, port)
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/after-the-call"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        hook.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
