"""What is not speech makes no words."""

import asyncio
from collections.abc import Generator

import numpy as np
import pytest

from tests.phone_talk import MODEL, say
from tests.services.caller import assert_in_order, call
from tests.services.conftest import RunningService, running
from tests.sounds import SOUNDS
from tests.speech import error_rate, pause

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def whisper() -> Generator[RunningService]:
    with running("asr", ASR__ENGINE="whisper", ASR__MODEL=MODEL) as service:
        yield service


@pytest.mark.parametrize("name", SOUNDS)
async def test_no_words_are_invented(whisper: RunningService, name: str) -> None:
    async with call(whisper.ws) as caller:
        await caller.play(np.concatenate([SOUNDS[name](), pause(2.0)]))
        await caller.finalize()
        await asyncio.sleep(0)
        assert_in_order(caller.messages)
        assert caller.text == ""
        assert not [m for m in caller.of("partial") if m["text"]]


async def test_speech_after_noise_is_heard(whisper: RunningService) -> None:
    text = "please cancel my order"
    async with call(whisper.ws) as caller:
        sound = [SOUNDS["a room"]() * 0.1, say(text).samples, pause(1.0)]
        assert error_rate(text, await caller.transcribe(np.concatenate(sound))) <= 0.25
