"""A real nginx with a certificate of its own in front of a service, configured as the docs say."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]
_BINARIES = ("/usr/sbin/nginx", str(ROOT / ".venv/nginx/usr/sbin/nginx"))
_START_WITHIN_S = 10.0

_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
{user}
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{ return 404; }}
        {location}
    }}
}}
"""


def documented_location(port: int) -> str:
    """What docs/telephone.md tells operators to write, for a service on this port."""
    text = (ROOT / "docs/telephone.md").read_text()
    [block] = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert ":8000" in block
    return block.replace(":8000", f":{port}")


def certified(folder: Path) -> Path:
    """Makes a certificate for 127.0.0.1 that nobody has signed; gives its file."""
    path = folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(folder / "key.pem"), "-out", str(path), "-days", "2"),
            *("-subj", "/CN=a test", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return path


@contextmanager
def nginx(folder: Path, port: int, location: str) -> Iterator[None]:
    """Serves TLS on this port of 127.0.0.1 until the end.

    Args:
        folder: Of its own, with the certificate.
        port: A free one.
        location: How requests are passed on.
    """
    binary = next((path for path in _BINARIES if os.access(path, os.X_OK)), shutil.which("nginx"))
    assert binary is not None, "there is no nginx: run tools/nginx.sh"
    user = "user root;" if os.getuid() == 0 else ""
    config = _CONFIG.format(folder=folder, port=port, user=user, location=location)
    (folder / "nginx.conf").write_text(config)
    process = subprocess.Popen(
        [binary, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_until_there(process, port)
        yield
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert "[error]" not in errors, errors


def _wait_until_there(process: "subprocess.Popen[str]", port: int) -> None:
    deadline_s = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, process.communicate()[1]
        try:
            httpx2.get(f"https://127.0.0.1:{port}/", verify=False)
            return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("nginx does not answer")
