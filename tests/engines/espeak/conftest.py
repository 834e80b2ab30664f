"""A loaded espeak engine."""

from collections.abc import AsyncIterator

import pytest

from voice_agent.engines.espeak.speaker import EspeakSpeaker


@pytest.fixture
async def speaker() -> AsyncIterator[EspeakSpeaker]:
    engine = EspeakSpeaker()
    await engine.load()
    yield engine
    await engine.close()
