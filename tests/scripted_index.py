"""A package registry that follows a script: the pages of PEP 503 and the wheels on them.

pip really runs against it. The wheels are real ones; the code in them makes a file if it is
ever imported, so that a test can see that it was not.
"""

import base64
import hashlib
import io
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_PIECE_BYTES = 16_384
_DEADLINE_S = 30.0


def wheel(name: str, version: str, files: Mapping[str, bytes], touched: str = "") -> bytes:
    """A wheel with these files in its package, and code that makes the file `touched`."""
    package = name.replace("-", "_")
    info = f"{package}-{version}.dist-info"
    code = f"open({touched!r}, 'w').close()\n" if touched else ""
    contents = {
        f"{package}/__init__.py": code.encode(),
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = "".join(f"{path},{_hash(data)},{len(data)}\n" for path, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    made = io.BytesIO()
    with ZipFile(made, "w") as archive:
        for path, data in contents.items():
            # a date of its own: the same wheel has to have the same bytes
            archive.writestr(ZipInfo(path), data, ZIP_DEFLATED)
    return made.getvalue()


def file_name(name: str, version: str) -> str:
    """What a wheel is called."""
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def _hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"


@dataclass
class ScriptedIndex:
    """What the registry has, how it fails, and what it was asked.

    Attributes:
        wheels: By distribution and file name.
        flips: File names of which one byte is sent wrong.
        gone: Distributions that are not there any more.
        hold_at: Every transfer stops there until `release` is set.
        held: Set when a transfer stops.
        seen: Paths of all requests.
        url: Where pip finds it.
    """

    wheels: dict[str, dict[str, bytes]]
    flips: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    hold_at: int | None = None
    release: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    url: str = ""

    def transfers(self) -> list[str]:
        """Names of the wheels that were asked for, in order."""
        return [path.removeprefix("/files/") for path in self.seen if path.startswith("/files/")]

    def contents(self, name: str) -> bytes | None:
        """A wheel as it is sent."""
        data = next((files[name] for files in self.wheels.values() if name in files), None)
        if data is not None and name in self.flips:
            middle = len(data) // 2
            return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        return data

    def page(self, distribution: str) -> bytes | None:
        """The page of a distribution."""
        if distribution in self.gone or distribution not in self.wheels:
            return None
        links = "".join(f'<a href="/files/{n}">{n}</a>\n' for n in self.wheels[distribution])
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def index(self) -> ScriptedIndex:
        assert isinstance(self.server, _Server)
        return self.server.index

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest would show it."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.index.seen.append(path)
        if path.startswith("/simple/"):
            self._send(self.index.page(path.removeprefix("/simple/").strip("/")), "text/html")
        else:
            self._send(self.index.contents(path.removeprefix("/files/")), "application/zip")

    def _send(self, body: bytes | None, kind: str) -> None:
        self.send_response(404 if body is None else 200)
        body = body or b""
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        hold_at = self.index.hold_at if kind == "application/zip" else None
        for at in range(0, len(body), _PIECE_BYTES):
            if hold_at is not None and at <= hold_at < at + _PIECE_BYTES:
                self.index.held.set()
                self.index.release.wait(_DEADLINE_S)
            try:
                self.wfile.write(body[at : at + _PIECE_BYTES])
            except OSError:
                return  # the client was killed


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, index: ScriptedIndex) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.index = index

    def handle_error(self, request: object, client_address: object) -> None:
        """A broken connection is part of the script."""


@contextmanager
def serving_index(index: ScriptedIndex) -> Generator[ScriptedIndex]:
    """Serves the index on a free port of 127.0.0.1; its `url` says where."""
    server = _Server(index)
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield index
    finally:
        index.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
