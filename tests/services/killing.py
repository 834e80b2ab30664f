"""Services that a test kills and starts again, where they were."""

import asyncio
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.services.conftest import RunningService, running


class Mortal:
    """A real service in a process that is killed now and then; made by `mortal`."""

    def __init__(self, service: str, lives: ExitStack, settings: dict[str, Any]) -> None:
        self._service = service
        self._settings = settings
        self._lives = lives
        self.life: RunningService = lives.enter_context(running(service, **settings))

    @property
    def ws(self) -> str:
        return self.life.ws

    def kill(self) -> None:
        """At once, as the kernel does when memory runs out."""
        self.life.process.kill()
        self.life.process.wait()

    async def revive(self) -> None:
        """Starts it at the same port, and waits until it is ready."""
        again = running(self._service, port=self.life.port, **self._settings)
        self.life = await asyncio.to_thread(self._lives.enter_context, again)


@contextmanager
def mortal(service: str, **settings: Any) -> Generator[Mortal]:
    """Starts a service; what of it is alive afterwards is ended."""
    with ExitStack() as lives:
        yield Mortal(service, lives, settings)
