"""Everything a client can do wrong gets its error, and the session goes on."""

import base64
import json
from collections.abc import AsyncIterator

import pytest

from tests.services.conftest import RunningService
from tests.services.listener import Listener, listening


@pytest.fixture
async def listener(tts: RunningService) -> AsyncIterator[Listener]:
    """A session that must still speak after what was done to it."""
    async with listening(tts) as session:
        yield session
        answer = await session.speak("All is well.")
        assert answer.chunks
        assert not answer.others


def synthesize(**fields: object) -> str:
    return json.dumps({"type": "synthesize", "request_id": "r", "text": "Hello.", **fields})


@pytest.mark.parametrize(
    "frame",
    [
        *("{", "", "no", "\ud7ff", "[" * 100_000),
        *("[]", "3", "null", '"text"', "{}"),
        *('{"type":3}', '{"type":"speak"}', '{"type":"config","sample_rate":16000}'),
    ],
    ids=lambda frame: repr(frame)[:20],
)
async def test_what_is_no_message(listener: Listener, frame: str) -> None:
    assert (await listener.refusal(frame))["code"] == "bad_message"


@pytest.mark.parametrize(
    "fields",
    [
        {"sample_rate": 7},
        {"sample_rate": 0},
        {"sample_rate": 10**9},
        {"sample_rate": 10**40},
        {"sample_rate": "24000"},
        {"sample_rate": 16000.5},
        {"chunk_size": 4},
        {"emotion": 1.1},
        {"emotion": None},
        {"speed": 0},
        {"speed": 1e999},
        {"encoding": "flac"},
        {"priority": "now"},
        {"voice_id": "../etc"},
        {"voice_id": 3},
        {"text": 3},
        {"text": None},
        {"streaming": "yes"},
        {"unknown": 1},
        {"text": ""},
        {"text": "   \n"},
        {"text": "😀🎉 … !"},
    ],
    ids=str,
)
async def test_wrong_values_name_the_request(listener: Listener, fields: dict[str, object]) -> None:
    error = await listener.refusal(synthesize(**fields))
    assert (error["code"], error["request_id"]) == ("bad_message", "r")


async def test_a_request_without_text(listener: Listener) -> None:
    error = await listener.refusal('{"type":"synthesize","request_id":"r"}')
    assert (error["code"], error["request_id"]) == ("bad_message", "r")
    assert "text" in error["message"]


async def test_a_request_id_that_is_no_text(listener: Listener) -> None:
    error = await listener.refusal(synthesize(request_id=3))
    assert error["code"] == "bad_message"
    assert "request_id" not in error


async def test_5001_characters(listener: Listener) -> None:
    error = await listener.refusal(synthesize(text="a" * 5001))
    assert (error["code"], error["request_id"]) == ("text_too_long", "r")


@pytest.mark.parametrize("voice_id", ["nobody", "en-us+nobody", "+f2"])
async def test_an_unknown_voice(listener: Listener, voice_id: str) -> None:
    error = await listener.refusal(synthesize(voice_id=voice_id))
    assert (error["code"], error["request_id"]) == ("voice_not_found", "r")


async def test_an_unknown_language(listener: Listener) -> None:
    error = await listener.refusal(synthesize(language="tlh"))
    assert (error["code"], error["request_id"]) == ("unsupported", "r")


async def test_a_frame_of_2_mib(listener: Listener) -> None:
    assert (await listener.refusal("x" * (2 << 20)))["code"] == "too_large"
    assert (await listener.refusal(b"x" * (2 << 20)))["code"] == "too_large"
    assert (await listener.refusal(synthesize(text="x" * (2 << 20))))["code"] == "too_large"


async def test_bytes(listener: Listener) -> None:
    assert (await listener.refusal(b"\0" * 640))["code"] == "bad_message"


@pytest.mark.parametrize("kind", ["cancel", "flush"])
async def test_a_request_that_is_not_there(listener: Listener, kind: str) -> None:
    error = await listener.refusal(type=kind, request_id="nothing")
    assert (error["code"], error["request_id"]) == ("bad_message", "nothing")


async def test_a_cancel_of_nothing(listener: Listener) -> None:
    assert (await listener.refusal(type="cancel"))["code"] == "bad_message"


async def test_deltas_that_cannot_begin_a_request_leave_none_behind(listener: Listener) -> None:
    error = await listener.refusal(type="text", request_id="t", delta="a" * 5001)
    assert error["code"] == "text_too_long"
    error = await listener.refusal(type="flush", request_id="t")
    assert error["code"] == "bad_message"


def clip(n_bytes: int) -> str:
    return base64.b64encode(bytes(n_bytes)).decode()


@pytest.mark.parametrize(
    "reference_audio",
    [clip(1000), clip(10 << 20), clip((10 << 20) + 3), "", "not base64", "ä" * 100],
    ids=["clip", "10 MiB", "10 MiB and 3", "nothing", "words", "letters"],
)
async def test_an_engine_that_cannot_clone_says_so_whatever_the_clip(
    listener: Listener, reference_audio: str
) -> None:
    error = await listener.refusal(
        type="register_voice", voice_id="mine", reference_audio=reference_audio
    )
    assert error["code"] == "unsupported"
    assert "cannot clone" in error["message"]


async def test_voices_are_listed_and_the_engines_own_stay(listener: Listener) -> None:
    await listener.send(type="list_voices")
    message = await listener.message()
    assert message["type"] == "voices"
    assert message["voices"][0]["voice_id"] == "default"
    assert (await listener.refusal(type="delete_voice", voice_id="de"))["code"] == "unsupported"
    error = await listener.refusal(type="delete_voice", voice_id="nobody")
    assert error["code"] == "voice_not_found"
