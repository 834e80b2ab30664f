"""A model hub that follows a script: the part of the HTTP interface that a pull uses.

As on the real one, a large file is answered with a redirect to another host name, which
serves it with ranges and knows nothing of the hub.
"""

import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any
from urllib.parse import quote, unquote, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"
_PIECE_BYTES = 16_384
_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    range: str
    headers: dict[str, str]


@dataclass
class ScriptedHub:
    """What the hub has, how it fails, and what it was asked.

    Attributes:
        files: Of `repository`, by name.
        repository: The only one there is.
        revision: Its commit.
        large: Names of files that are stored apart: with a sha256 and a redirect.
        drops: For each of the next transfers of a large file, after how many bytes the
            connection breaks; the last one for ever if `drop_always`.
        abrupt: Whether it breaks with a reset, and not with an end.
        status: What every request is answered with if not 200.
        file_status: The same, but the list is answered.
        lies: Names whose contents are not what the list says.
        sizes: Sizes that the list states instead of the right ones.
        ignores_ranges: Whether ranges are answered with the whole file.
        hold_at: A transfer stops there until `release` is set.
        seen: All requests.
        sent_bytes: Of large files, in all transfers.
    """

    files: dict[str, bytes]
    repository: str = "Systran/faster-whisper-tiny"
    revision: str = REVISION
    large: set[str] = field(default_factory=lambda: {"model.bin"})
    drops: list[int] = field(default_factory=list)
    drop_always: bool = False
    abrupt: bool = False
    status: int = 200
    file_status: list[int] = field(default_factory=list)
    lies: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    ignores_ranges: bool = False
    hold_at: int | None = None
    release: threading.Event = field(default_factory=threading.Event)
    seen: list[Seen] = field(default_factory=list)
    sent_bytes: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def transfers(self, name: str = "model.bin") -> list[str]:
        """The ranges of the requests that were answered with a file's contents."""
        return [seen.range for seen in self.seen if seen.path == f"/stored/{name}"]

    @property
    def questions(self) -> tuple[str, str]:
        """What is answered with the list: for the newest commit, and for this one."""
        newest = f"/api/models/{self.repository}"
        return newest, f"{newest}/revision/{quote(self.revision, safe='')}"

    def next_drop(self) -> int | None:
        """Where the transfer that begins now breaks off."""
        with self.lock:
            if not self.drops:
                return None
            return self.drops[0] if self.drop_always else self.drops.pop(0)

    def listing(self) -> dict[str, Any]:
        """What the hub says about the repository."""
        return {
            "_id": "1",
            "id": self.repository,
            "modelId": self.repository,
            "sha": self.revision,
            "private": False,
            "tags": [],
            "downloads": 0,
            "siblings": [self._sibling(name, data) for name, data in self.files.items()],
        }

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        size = self.sizes.get(name, len(data))
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry: dict[str, Any] = {"rfilename": name, "size": size, "blobId": blob}
        if name in self.large:
            sha256 = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"size": size, "sha256": sha256, "pointerSize": 134}
        return entry

    def contents(self, name: str) -> bytes:
        """A file, or as many other bytes."""
        data = self.files[name]
        return bytes(255 - byte for byte in data) if name in self.lies else data


def whisper_files(n_bytes: int = 300_000) -> dict[str, bytes]:
    """The files of a model without sense, and some that nobody needs."""
    return {
        ".gitattributes": b"*.bin filter=lfs\n",
        "README.md": b"# A model\n",
        "config.json": b'{"alignment_heads": []}',
        "model.bin": Random(1).randbytes(n_bytes),
        "preprocessor_config.json": b'{"feature_size": 128}',
        "tokenizer.json": b'{"model": {}}',
        "vocabulary.json": b'["a"]',
        "sub/model.bin": b"not this one",
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> ScriptedHub:
        assert isinstance(self.server, _Server)
        return self.server.hub

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest would show it."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub = self.hub
        path = unquote(urlsplit(self.path).path)
        stated = self.headers.get("Range", "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub.seen.append(Seen(self.command, path, stated, headers))
        if hub.status != 200:
            self._send(hub.status, b"scripted")
        elif path in hub.questions:
            self._send(200, json.dumps(hub.listing()).encode(), kind="application/json")
        elif path.startswith("/stored/"):
            self._transfer(path.removeprefix("/stored/"), stated)
        else:
            self._resolve(path)

    def _resolve(self, path: str) -> None:
        hub = self.hub
        _, _, name = path.partition(f"/{hub.repository}/resolve/{hub.revision}/")
        if name not in hub.files:
            return self._send(404, b"no such thing", extra={"X-Error-Code": "EntryNotFound"})
        if hub.file_status:
            return self._send(hub.file_status.pop(0), b"scripted")
        if name in hub.large:
            # another name of this machine, as another host
            there = hub.url.replace("127.0.0.1", "localhost")
            return self._send(302, b"", extra={"Location": f"{there}/stored/{quote(name)}"})
        return self._send(200, hub.contents(name), extra={"X-Repo-Commit": hub.revision})

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "text/plain",
        extra: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    def _transfer(self, name: str, stated: str) -> None:
        hub = self.hub
        data = hub.contents(name)
        asked = None if hub.ignores_ranges else re.fullmatch(r"bytes=(\d+)-", stated)
        start = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        drop = hub.next_drop()
        self._pour(data, start, len(data) if drop is None else min(start + drop, len(data)))
        if drop is not None:
            self._break_off()

    def _pour(self, data: bytes, start: int, end: int) -> None:
        hub = self.hub
        at = start
        while at < end:
            if hub.hold_at is not None and start <= hub.hold_at <= at:
                hub.release.wait(_DEADLINE_S)
            limit = min(end, at + _PIECE_BYTES)
            if hub.hold_at is not None and at < hub.hold_at:
                limit = min(limit, hub.hold_at)
            try:
                self.wfile.write(data[at:limit])
            except OSError:
                return  # the client was killed
            with hub.lock:
                hub.sent_bytes += limit - at
            at = limit

    def _break_off(self) -> None:
        if self.hub.abrupt:
            # close with a reset
            reset = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, hub: ScriptedHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub

    def handle_error(self, request: object, client_address: object) -> None:
        """A broken connection is part of the script."""


@contextmanager
def serving(hub: ScriptedHub) -> Generator[ScriptedHub]:
    """Serves the hub on a free port of 127.0.0.1; its `url` says where."""
    server = _Server(hub)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
