"""Services in child processes that never outlive this one."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from voice_agent.cli.http_probe import free_port, info_when_ready
from voice_agent.cli.services import ServiceName
from voice_agent.errors import EngineUnavailable
from voice_agent.settings import Settings

_START_TIMEOUT_S = 45.0
_EXIT_TIMEOUT_S = 5.0


async def start(
    service: ServiceName,
    *,
    host: str,
    port: int,
    config: Path | None,
    log: int | IO[bytes],
    more: Sequence[str] = (),
) -> asyncio.subprocess.Process:
    """Starts ``voice-agent serve`` as a child.

    It ends with its stdin, which only this process holds: so it goes down, in order, even
    when this process is killed. It is in a session of its own, because Ctrl-C in our
    terminal is ours to handle.

    Args:
        service: Which one.
        host: Address to listen on.
        port: Port to listen on.
        config: File with settings.
        log: Where its output goes.
        more: Options of ``voice-agent serve`` for it.
    """
    options = ["--host", host, "--port", str(port), "--follow", *more]
    if config is not None:
        options += ["--config", str(config)]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "voice_agent.cli", "serve", service.value, *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


async def stop(process: asyncio.subprocess.Process, timeout_s: float) -> None:
    """Asks a child to end, and makes it if it does not in time."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def own_service(service: ServiceName, config: Path | None) -> AsyncGenerator[str]:
    """A service for this command alone, on a free port; gives its address when it is ready.

    Raises:
        EngineUnavailable: It did not start; the message says why.
    """
    with tempfile.TemporaryFile() as log:
        port = free_port()
        process = await start(service, host="127.0.0.1", port=port, config=config, log=log)
        try:
            await _until_ready(service, process, port, log)
            yield f"ws://127.0.0.1:{port}/ws"
        finally:
            await stop(process, _EXIT_TIMEOUT_S)


@asynccontextmanager
async def service_at(
    service: ServiceName, url: str, config: Path | None, settings: Settings
) -> AsyncGenerator[str]:
    """The service at the first address of `url`, or one for this command alone without any."""
    from voice_agent.cli.engine_selection import (
        check_choices,  # engines: half of this program's start
    )

    if url:
        yield url.split(",")[0].strip()
        return
    check_choices(service, settings)
    async with own_service(service, config) as own_url:
        yield own_url


async def _until_ready(
    service: ServiceName, process: asyncio.subprocess.Process, port: int, log: IO[bytes]
) -> None:
    ready = asyncio.ensure_future(info_when_ready(f"http://127.0.0.1:{port}", every_s=0.05))
    ended = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait(
            [ready, ended], timeout=_START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not ready.done():
            raise EngineUnavailable(f"the {service} service did not start: {_last_line(log)}")
        ready.result()
    finally:
        ready.cancel()
        ended.cancel()


def _last_line(log: IO[bytes]) -> str:
    """The last line that tells of an error, or else the last one."""
    log.seek(0)
    lines = [line.strip(" |\r") for line in log.read().decode(errors="replace").split("\n")]
    said = [line for line in lines if line.strip("+- ")]
    errors = [line for line in said if "error" in line.lower()]
    return [*said, *errors][-1].removeprefix("error: ") if said else "it said nothing"
