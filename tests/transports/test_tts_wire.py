"""TTS messages to frames, without a socket."""

import pytest

from transports.tts_wire import TtsSerializer
from voice_agent.frames import ClientMessageFrame, ServerMessageFrame
from voice_agent.wire.common import Error
from voice_agent.wire.tts import Synthesize


@pytest.fixture
def serializer() -> TtsSerializer:
    return TtsSerializer(max_frame_bytes=2000, max_voice_frame_bytes=4000)


async def error_of(serializer: TtsSerializer, data: str | bytes) -> Error:
    (frame,) = [frame async for frame in serializer.incoming(data)]
    assert isinstance(frame, ServerMessageFrame)
    assert isinstance(frame.message, Error)
    return frame.message


async def test_a_message_becomes_a_frame(serializer: TtsSerializer) -> None:
    (frame,) = [f async for f in serializer.incoming('{"type":"synthesize","text":"Hello."}')]
    assert isinstance(frame, ClientMessageFrame)
    assert frame.message == Synthesize(type="synthesize", text="Hello.")


@pytest.mark.parametrize(
    ("data", "request_id"),
    [
        ('{"type":"synthesize","request_id":"r"}', "r"),
        ('{"type":"nothing","request_id":"r"}', "r"),
        ('{"type":"cancel","request_id":3}', None),
        ('{"type":"cancel","request_id":""}', None),
        (f'{{"type":"cancel","request_id":"{"x" * 65}"}}', None),
        ('["request_id"]', None),
        ('{"request_id":"r"', None),
        ("[" * 2000, None),
        (b"\0\0", None),
    ],
    ids=repr,
)
async def test_a_wrong_message_names_its_request_if_it_did(
    serializer: TtsSerializer, data: str | bytes, request_id: str | None
) -> None:
    error = await error_of(serializer, data)
    assert (error.code, error.request_id) == ("bad_message", request_id)


async def test_only_a_voice_may_be_larger(serializer: TtsSerializer) -> None:
    voice = '{"type":"register_voice","voice_id":"v","reference_audio":"%s"}'
    frames = [frame async for frame in serializer.incoming(voice % ("A" * 3000))]
    assert isinstance(frames[0], ClientMessageFrame)
    assert (await error_of(serializer, voice % ("A" * 4000))).code == "too_large"
    text = '{"type":"synthesize","text":"%s"}'
    assert (await error_of(serializer, text % ("a" * 3000))).code == "too_large"
    assert (await error_of(serializer, b"register_voice" * 200)).code == "too_large"
