"""What the model cannot do is refused, what is only odd is spoken, and the session goes on."""

import base64
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.services.conftest import RunningService
from tests.services.listener import Listener, listening
from tests.services_tts.conftest import TOKENS
from tests.voices.clips import hum, wav

pytestmark = pytest.mark.e2e


@pytest.fixture
async def listener(tts: RunningService) -> AsyncIterator[Listener]:
    """A session that must still speak after what was done to it."""
    async with listening(tts) as session:
        yield session
        answer = await session.speak("All is well.")
        assert len(answer.samples) == TOKENS * 960
        assert not answer.others


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"emotion": 7}, "bad_message"),
        ({"emotion": -0.1}, "bad_message"),
        ({"speed": 0}, "bad_message"),
        ({"seed": 2**32}, "bad_message"),
        ({"language": "tlh"}, "unsupported"),
        ({"language": "de"}, "unsupported"),  # the English model
        ({"voice_id": "../../etc/passwd"}, "bad_message"),
        ({"voice_id": "nobody"}, "voice_not_found"),
        ({"text": ""}, "bad_message"),
        ({"text": "<b></b> 😀"}, "bad_message"),
        ({"text": "a" * 5001}, "text_too_long"),
    ],
    ids=str,
)
async def test_a_request_is_refused(
    listener: Listener, fields: dict[str, object], code: str
) -> None:
    message = {"type": "synthesize", "request_id": "r", "text": "Hello.", **fields}
    error = await listener.refusal(**message)
    assert (error["code"], error["request_id"]) == (code, "r")


async def test_text_of_nothing_but_tags_is_refused_before_the_model(listener: Listener) -> None:
    await listener.send(type="synthesize", request_id="r", text="[laugh] [clear throat]")
    answer = await listener.answer()
    assert [error["code"] for error in answer.others] == ["unsupported"]
    assert answer.others[0]["request_id"] == "r"
    assert not answer.chunks


@pytest.mark.parametrize(
    "text", ["a" * 5000, "1234567890" * 500, "字" * 5000, "a\u0301" * 2500], ids=lambda t: t[:2]
)
async def test_five_thousand_characters_without_a_space_are_spoken_in_pieces(
    listener: Listener, text: str
) -> None:
    await listener.send(type="synthesize", request_id="long", text=text, chunk_size=20)
    for _ in range(3):
        message, _ = await listener.first_chunk()
        assert 0 < message["text_end"] - message["text_start"] <= 400  # two clauses
    await listener.send(type="cancel", request_id="long")
    assert (await listener.answer()).complete["cancelled"] is True


@pytest.mark.parametrize(
    ("clip", "code"),
    [
        (wav(hum(200, 0.2)), "bad_audio"),
        (wav(np.zeros(48_000, np.float32)), "bad_audio"),
        (b"this is a letter, not a voice", "unsupported_format"),
    ],
    ids=["0.2 s", "silent", "a text file"],
)
async def test_a_clip_that_is_no_voice_is_refused(
    listener: Listener, clip: bytes, code: str
) -> None:
    audio = base64.b64encode(clip).decode()
    error = await listener.refusal(type="register_voice", voice_id="bad", reference_audio=audio)
    assert error["code"] in {code, "bad_audio"}
