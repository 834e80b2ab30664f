"""All services together, each in a child process that is looked after."""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loguru import logger

from voice_agent.cli.errors import FAILED
from voice_agent.cli.http_probe import info_when_ready
from voice_agent.cli.processes import start
from voice_agent.cli.services import ServiceName, http_url
from voice_agent.cli.status_panel import show
from voice_agent.cli.supervisor import Supervisor
from voice_agent.errors import EngineUnavailable
from voice_agent.settings import Settings

# models load within seconds; the panel then says what is still missing
_READY_TIMEOUT_S = 60.0
# beyond the draining that the settings allow
_EXIT_GRACE_S = 10.0


class Launcher:
    """One run of all services.

    Args:
        host: Address they listen on.
        ports: Which services, and where.
        config: File with settings, for the children.
        settings: What is in it and elsewhere.
        more: Options of ``voice-agent serve`` for some of them.
    """

    def __init__(
        self,
        host: str,
        ports: Mapping[ServiceName, int],
        config: Path | None,
        settings: Settings,
        more: Mapping[ServiceName, Sequence[str]],
    ) -> None:
        self._host = host
        self._ports = ports
        self._config = config
        self._more = more
        timeout_s = settings.server.drain_timeout_s + _EXIT_GRACE_S
        self._keepers = {s: self._keeper(s, timeout_s) for s in ports}
        self._signals = 0
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Runs until a signal comes, or no service is left; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        keeping = {s: asyncio.ensure_future(k.run()) for s, k in self._keepers.items()}
        announcing = asyncio.ensure_future(self._announce(keeping))
        stopping = asyncio.ensure_future(self._stopping.wait())
        all_gone = asyncio.ensure_future(asyncio.wait(keeping.values()))
        await asyncio.wait([stopping, all_gone], return_when=asyncio.FIRST_COMPLETED)
        if self._signals:
            logger.info("stopping; once more to stop at once")
        for task in (announcing, stopping, all_gone, *keeping.values()):
            task.cancel()
        await asyncio.gather(announcing, *keeping.values(), return_exceptions=True)
        return 0 if self._signals else FAILED

    def _keeper(self, service: ServiceName, exit_timeout_s: float) -> Supervisor:
        async def begin() -> asyncio.subprocess.Process:
            return await start(
                service,
                host=self._host,
                port=self._ports[service],
                config=self._config,
                # each line names its service; stdout stays ours
                log=sys.stderr.fileno(),
                more=self._more.get(service, ()),
            )

        return Supervisor(service.value, begin, exit_timeout_s=exit_timeout_s)

    def _on_signal(self) -> None:
        self._signals += 1
        self._stopping.set()
        if self._signals > 1:
            for keeper in self._keepers.values():
                keeper.kill()

    async def _announce(self, keeping: Mapping[ServiceName, "asyncio.Future[None]"]) -> None:
        """Prints the panel once every service is ready, hopeless or given up, or time is up."""
        asked = await asyncio.gather(*(self._info(s, keeping[s]) for s in self._ports))
        infos = dict(zip(self._ports, asked, strict=True))
        show({s: (http_url(self._host, self._ports[s]), info) for s, info in infos.items()})

    async def _info(
        self, service: ServiceName, kept: "asyncio.Future[None]"
    ) -> dict[str, Any] | str:
        """What the service says of itself, or why it is not ready, as far as that is known."""
        asking = asyncio.ensure_future(info_when_ready(http_url(self._host, self._ports[service])))
        try:
            waiting: Sequence[asyncio.Future[Any]] = [asking, kept]
            await asyncio.wait(
                waiting, timeout=_READY_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
            return asking.result() if asking.done() else ""
        except EngineUnavailable as error:
            return error.message
        finally:
            asking.cancel()
