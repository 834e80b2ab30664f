"""The TTS service with Chatterbox on a small checkpoint: `make test-tts` runs this.

The service, its sockets and the engine are the real ones; only the checkpoint is small. In an
environment without torch (`make test`'s own) nothing of it is collected.
"""

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import RunningService, running

if find_spec("torch") is None or find_spec("chatterbox") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.hookimpl(tryfirst=True)  # before xdist looks at it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in one process where two test: they share the service."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("chatterbox service"))


TOKENS = 20
"""Speech tokens of every clause, 0.8 s: two windows."""

SMALL: dict[str, Any] = {
    "TTS__ENGINE": "chatterbox",
    "CHATTERBOX__THREADS": 1,
    "CHATTERBOX__FLOW_STEPS": 1,
    "CHATTERBOX__PROMPT_S": 1,
    "SERVER__MAX_SESSIONS": 40,
}
"""Settings of a service whose model computes as little as it can."""


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    """Where the small checkpoint is."""
    from tools.make_test_chatterbox import checkpoint

    return checkpoint(TOKENS)


@pytest.fixture(scope="session")
def tts(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningService]:
    """One service for all tests; each uses voices of its own."""
    voices = tmp_path_factory.mktemp("voices")
    with running("tts", **SMALL, TTS__MODEL=checkpoint, VOICES__DIR=voices) as service:
        yield service
