"""Asking services over HTTP, and ports whether they are free."""

import asyncio
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from voice_agent.cli.services import reachable
from voice_agent.errors import EngineUnavailable

_TIMEOUT_S = 2.0


def get_json(url: str, timeout_s: float = _TIMEOUT_S) -> dict[str, Any] | None:
    """The object that an address answers with, whatever its status; None if it does not."""
    # services of ours are near: a proxy of the system is never in between
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            found = json.load(answer)
    except HTTPError as error:
        try:
            found = json.load(error)
        except (OSError, ValueError):
            return None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]


async def info_when_ready(base_url: str, *, every_s: float = 0.1) -> dict[str, Any]:
    """``/v1/info`` of a service, as soon as it is ready; waits for ever.

    Raises:
        EngineUnavailable: It waits for somebody to do something: the message says what.
    """
    while True:
        state = await asyncio.to_thread(get_json, f"{base_url}/readyz")
        if state is not None and state.get("needs_help"):
            raise EngineUnavailable(", ".join(map(str, state.get("reasons", []))))
        if state is not None and state.get("ready"):
            info = await asyncio.to_thread(get_json, f"{base_url}/v1/info")
            if info is not None:
                return info
        await asyncio.sleep(every_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortState:
    """Whether a service could listen on a port.

    Attributes:
        port: Which one.
        free: Nothing is in the way.
        holder: Who has it, for a person; empty if it is free.
        service: The service of ours that has it, or empty.
    """

    port: int
    free: bool
    holder: str = ""
    service: str = ""


def port_state(host: str, port: int) -> PortState:
    """Tries to listen on a port, and asks who is there if that fails."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        info = get_json(f"http://{reachable(host)}:{port}/v1/info") or {}
        service = str(info.get("service", "")) if "engines" in info else ""
        if service:
            holder = f"a voice-agent {service} service"
        else:
            holder = "another program" if _answers(host, port) else (error.strerror or "").lower()
        return PortState(port=port, free=False, holder=holder, service=service)
    return PortState(port=port, free=True)


def free_port() -> int:
    """A port of this machine that nobody has right now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((reachable(host), port), timeout=_TIMEOUT_S).close()
    except OSError:
        return False
    return True
