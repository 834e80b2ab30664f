"""The reader of Twilio's messages: what it makes of good ones, and of everything else."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twilio_messages import any_message, dtmf, media, start
from voice_agent.wire.twilio import (
    BadTwilioMessage,
    Connected,
    Dtmf,
    Mark,
    Media,
    Start,
    Stop,
    clear_message,
    mark_message,
    media_message,
    read_message,
)


def reason(message: Any) -> str:
    """Why a message is not taken."""
    with pytest.raises(BadTwilioMessage) as caught:
        read_message(message if isinstance(message, str | bytes) else json.dumps(message))
    return caught.value.reason


def read(message: object) -> object:
    return read_message(json.dumps(message))


def test_good_messages_are_read() -> None:
    assert read({"event": "connected", "protocol": "Call", "version": "1.0.0"}) == Connected()
    begun = read(start(customParameters={"token": "t", "more": 7}))
    assert isinstance(begun, Start)
    assert (begun.stream_sid, begun.call_sid) == ("MZ0", "CA0")
    assert begun.is_telephone_audio
    assert begun.parameters == {"token": "t"}
    assert read(media(b"abc", sequence="7", timestamp="140")) == Media(
        stream_sid="MZ0", ulaw=b"abc", sequence=7, at_ms=140
    )
    assert read({"event": "stop", "streamSid": "MZ0", "stop": {}}) == Stop(stream_sid="MZ0")
    mark = {"event": "mark", "streamSid": "MZ0", "sequenceNumber": "9", "mark": {"name": "1"}}
    assert read(mark) == Mark(stream_sid="MZ0", name="1", sequence=9)


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_every_key_is_read(digit: str) -> None:
    assert read(dtmf(digit)) == Dtmf(stream_sid="MZ0", digit=digit)


@pytest.mark.parametrize(
    "digit", ["", "10", "a", "E", None, 5, [], "\u0661"], ids=lambda digit: repr(digit)
)
def test_what_is_no_key_is_not(digit: object) -> None:
    assert reason(dtmf(digit)) == "digit"


@pytest.mark.parametrize("size", [0, 1, 161, 8000])
def test_audio_may_have_any_length(size: int) -> None:
    message = read(media(b"\x7f" * size))
    assert isinstance(message, Media)
    assert len(message.ulaw) == size


@pytest.mark.parametrize(
    "payload",
    ["!!!!", "abc", "a b=", "//\n/", "_-_-", "é===", "\ud800", None, 7, [], {}, True],
    ids=lambda payload: ascii(payload),
)
def test_what_is_no_base64_is_not_taken(payload: object) -> None:
    message = media(b"")
    message["media"]["payload"] = payload
    assert reason(message) == "payload"


@pytest.mark.parametrize(
    "number",
    ["x", "", "-1", "1.5", "²", "9" * 5000, None, [], 1.5, True],
    ids=lambda number: ascii(number)[:8],
)
def test_a_number_that_cannot_be_read_is_none(number: object) -> None:
    message = read(media(b"a", sequence=number, timestamp=number))
    assert isinstance(message, Media)
    assert (message.sequence, message.at_ms) == (None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *(("", "json"), ("{", "json"), ("nul", "json"), ("[" * 100_000, "json")),
        ('{"event": ' + "1" * 5000 + "}", "json"),
        *(("[]", "shape"), ("null", "shape"), ('"media"', "shape"), ("7", "shape")),
        *(("{}", "event"), ('{"event": []}', "event"), ('{"event": "medium"}', "event")),
        ('{"event": "media", "media": NaN}', "shape"),
        ('{"event": "media", "media": null, "streamSid": "MZ0"}', "shape"),
        ('{"event": "dtmf", "dtmf": null, "streamSid": "MZ0"}', "shape"),
        ('{"event": "start", "start": 7, "streamSid": "MZ0"}', "shape"),
        ('{"event": "stop"}', "sid"),
        (b"{}", "binary"),
        (b"\xff\xfe", "binary"),
    ],
    ids=lambda value: ascii(value)[:36],
)
def test_what_is_no_message_has_a_reason(text: str | bytes, why: str) -> None:
    assert reason(text) == why


def test_the_last_of_two_keys_counts() -> None:
    assert read_message('{"event": "media", "event": "connected"}') == Connected()


def test_audio_of_the_agent_is_not_taken_for_the_callers() -> None:
    assert reason(media(b"a", track="outbound")) == "track"


@pytest.mark.parametrize(
    "sid", ["", "MZ 0", "MZ\n0", "<b>", 'MZ"', "M" * 65, None, 7], ids=lambda sid: ascii(sid)[:12]
)
def test_an_identifier_is_a_word(sid: object) -> None:
    assert reason(media(b"a") | {"streamSid": sid}) == "sid"


@pytest.mark.parametrize(
    ("encoding", "rate", "channels", "good"),
    [
        ("audio/x-mulaw", 8000, 1, True),
        ("audio/x-mulaw", "8000", "1", True),
        ("audio/x-alaw", 8000, 1, False),
        ("audio/x-l16", 16_000, 1, False),
        ("audio/x-mulaw", 16_000, 1, False),
        ("audio/x-mulaw", 8000, 2, False),
        ("audio/x-mulaw", None, 1, False),
    ],
    ids=ascii,
)
def test_only_telephone_audio_is_telephone_audio(
    encoding: str, rate: object, channels: object, good: bool
) -> None:
    audio = {"encoding": encoding, "sampleRate": rate, "channels": channels}
    begun = read(start(mediaFormat=audio))
    assert isinstance(begun, Start)
    assert begun.is_telephone_audio is good


def test_parameters_may_be_anything() -> None:
    for parameters in (None, [], "x", 7, {}):
        begun = read(start(customParameters=parameters))
        assert isinstance(begun, Start)
        assert begun.parameters == {}
    odd = {"a": "<b>\n" * 100, "n": 1}
    begun = read(start(customParameters=odd))
    assert isinstance(begun, Start)
    assert begun.parameters == {"a": "<b>\n" * 100}


def test_what_is_sent_is_what_twilio_documents() -> None:
    assert json.loads(media_message("MZ0", b"abc")) == {
        "event": "media",
        "streamSid": "MZ0",
        "media": {"payload": "YWJj"},
    }
    assert json.loads(mark_message("MZ0", "7")) == {
        "event": "mark",
        "streamSid": "MZ0",
        "mark": {"name": "7"},
    }
    assert json.loads(clear_message("MZ0")) == {"event": "clear", "streamSid": "MZ0"}


def survives(message: str | bytes) -> None:
    """Nothing is raised but what is promised."""
    with suppress(BadTwilioMessage):
        read_message(message)


@settings(max_examples=400, deadline=None)
@given(any_message())
def test_nothing_is_raised_but_what_is_promised(message: str | bytes) -> None:
    survives(message)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    survives(text)
