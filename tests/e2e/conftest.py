"""The agent as a person meets it: it hears with the real `base`."""

from collections.abc import Generator

import pytest

from tests import real_models
from tests.services.conftest import RunningService, hears_with, running


@pytest.fixture(scope="session")
def agent() -> Generator[RunningService]:
    """One for all tests of the page."""
    with running("agent", **hears_with(real_models.base()), TTS__ENGINE="piper") as service:
        yield service
