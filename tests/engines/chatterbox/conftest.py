"""Needs torch and the stock package: `make test-tts` runs what is here in `.venv-tts`.

In an environment without them (`make test`) only what needs neither is collected.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_TORCH_FREE = {"test_chatterbox_catalogue.py", "test_chatterbox_guards.py", "test_scheduler.py"}

if find_spec("torch") is None or find_spec("chatterbox") is None:
    collect_ignore_glob = [
        path.name
        for path in Path(__file__).parent.glob("test_*.py")
        if path.name not in _TORCH_FREE
    ]


@pytest.hookimpl(tryfirst=True)  # before xdist looks at it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files stay together where two processes test: they share models."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests of small models gain nothing from more, and share the machine."""
    if find_spec("torch"):
        from voice_agent.engines.chatterbox.tensors import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folder() -> Path:
    """A checkpoint whose utterances have 60 tokens."""
    from tools.make_test_chatterbox import checkpoint

    return checkpoint()


@pytest.fixture(scope="session")
def stock(folder: Path) -> Any:
    """The stock class on the same checkpoint."""
    from tools.make_test_chatterbox import small_classes
    from voice_agent.engines.chatterbox.compat import load_stock

    with small_classes():
        return load_stock(folder, "cpu")
