import asyncio
import gc
import weakref
from collections.abc import Generator

import pytest

from voice_agent.server.garbage_collection import free_ended


class Knot:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.itself = self


class Ended:
    n_ended = 0


@pytest.fixture(autouse=True)
def _only_when_asked() -> Generator[None]:
    gc.disable()
    yield
    gc.enable()


async def test_what_a_session_leaves_is_freed_once_it_has_ended() -> None:
    sessions = Ended()
    freeing = asyncio.create_task(free_ended(sessions, every_s=0.01))
    freed = asyncio.Event()
    left = weakref.ref(Knot(), lambda _: freed.set())
    await asyncio.sleep(0.1)
    assert left() is not None  # nobody has left: nothing is looked for
    sessions.n_ended = 1
    async with asyncio.timeout(10):
        await freed.wait()
    freeing.cancel()
