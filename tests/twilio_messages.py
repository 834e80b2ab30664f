"""Messages of Twilio Media Streams for tests: good ones, and anything at all."""

import base64
import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Message = dict[str, Any]

CONNECTED: Message = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
TELEPHONE = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def start(stream_sid: str = "MZ0", call_sid: str = "CA0", **fields: object) -> Message:
    """The beginning of a stream; `fields` replace those of its `start`."""
    told = {
        "accountSid": "AC0",
        "streamSid": stream_sid,
        "callSid": call_sid,
        "tracks": ["inbound"],
        "mediaFormat": TELEPHONE,
        "customParameters": {},
    }
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": stream_sid,
        "start": told | fields,
    }


def media(
    ulaw: bytes, *, sequence: object = None, stream_sid: str = "MZ0", **fields: object
) -> Message:
    """Audio; `fields` replace those of its `media`."""
    payload = base64.b64encode(ulaw).decode()
    told = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload}
    return {
        "event": "media",
        "sequenceNumber": sequence,
        "streamSid": stream_sid,
        "media": told | fields,
    }


def dtmf(digit: object, stream_sid: str = "MZ0") -> Message:
    """A key."""
    told = {"track": "inbound_track", "digit": digit}
    return {"event": "dtmf", "streamSid": stream_sid, "dtmf": told}


def any_message() -> SearchStrategy[str | bytes]:
    """Good messages, nearly good ones, JSON of any shape, text and bytes."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(
            ["MZ0", "CA0", "1", "inbound", "outbound", "//8=", "5", "media", "x" * 500]
        ),
    )
    values = st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.text(max_size=8) | _NAMES, inner, max_size=4),
        ),
        max_leaves=8,
    )
    nearly = st.builds(_changed, st.sampled_from(_good()), st.lists(st.tuples(_NAMES, values)))
    text = st.one_of(
        st.sampled_from(_good()).map(json.dumps),
        nearly.map(json.dumps),
        values.map(json.dumps),
        st.text(max_size=200),
        st.sampled_from(["[" * 5000, "1" * 5000, '{"a":' * 2000, "", " ", "\x00", '"\\ud800"']),
    )
    return st.one_of(text, text, text, st.binary(max_size=200))


_NAMES = st.sampled_from(
    [
        *("event", "streamSid", "sequenceNumber", "media", "start", "mark", "dtmf", "stop"),
        *("payload", "track", "timestamp", "chunk", "name", "digit"),
        *("mediaFormat", "encoding", "sampleRate", "customParameters", "callSid"),
    ]
)


def _good() -> list[Message]:
    return [
        CONNECTED,
        media(b"\xff" * 160, sequence="2"),
        media(b"", sequence="3"),
        dtmf("5"),
        {"event": "mark", "streamSid": "MZ0", "sequenceNumber": "4", "mark": {"name": "1"}},
    ]


def _changed(message: Message, changes: list[tuple[str, Any]]) -> Message:
    """With other values where the names are, one level down too."""
    changed = dict(message)
    for name, value in changes:
        inner = changed.get(str(changed.get("event")))
        if isinstance(inner, dict) and name in inner:
            changed[str(changed["event"])] = {**inner, name: value}
        else:
            changed[name] = value
    return changed
